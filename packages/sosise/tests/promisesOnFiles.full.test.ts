import { promisesHoldOn } from './promises/promisesHoldOn.js';
import { isOurs, SYSTEMS } from './promises/System.js';

promisesHoldOn(SYSTEMS.filter((system) => isOurs(system) && ['file', 'memory'].includes(system.store)));
