/** What tests use of src/framework/Session/Stores/Redis. */

export { openConnection } from '../../../../../src/framework/Session/Stores/Redis/Connection/openConnection.js';
export type { RedisStoreOptions } from '../../../../../src/framework/Session/Stores/Redis/Connection/RedisStoreOptions.js';
export { guardOf } from '../../../../../src/framework/Session/Stores/Redis/Connection/redisLinks.js';
export { RedisStore } from '../../../../../src/framework/Session/Stores/Redis/RedisStore.js';
export { removeKeys } from '../../../../../src/framework/Session/Stores/Redis/removeKeys.js';
