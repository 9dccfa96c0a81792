import { onRedis } from './helpers/onRedis.js';
import { stateTableOn } from './stateTable.js';

stateTableOn('memory', { driver: 'memory' });
stateTableOn('file', { driver: 'file' });
stateTableOn('encrypted files', { driver: 'file', encrypt: true });
await onRedis('on Redis', (server) => {
    stateTableOn('redis', { driver: 'redis', drivers: { redis: server.options } });
});
