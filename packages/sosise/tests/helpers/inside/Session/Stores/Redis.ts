/** What tests use of src/Session/Stores/Redis. */

export { openConnection } from '../../../../../src/Session/Stores/Redis/Connection/openConnection.js';
export type { RedisStoreOptions } from '../../../../../src/Session/Stores/Redis/Connection/RedisStoreOptions.js';
export { RedisStore } from '../../../../../src/Session/Stores/Redis/RedisStore.js';
export { removeKeys } from '../../../../../src/Session/Stores/Redis/removeKeys.js';
