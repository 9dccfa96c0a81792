import { stateTableOn } from './stateTable.js';

stateTableOn('memory', { driver: 'memory' });
