/** What tests use of src/Session/Stores/Database. */

export type { Database } from '../../../../../src/Session/Stores/Database/Database.js';
export type { DatabaseStore } from '../../../../../src/Session/Stores/Database/DatabaseStore.js';
export type {
    DatabaseStoreOptions,
    PgPool,
} from '../../../../../src/Session/Stores/Database/DatabaseStoreOptions.js';
export { openDatabase, openDatabaseStore } from '../../../../../src/Session/Stores/Database/openDatabase.js';
export { createTable, tableSql } from '../../../../../src/Session/Stores/Database/sessionTable.js';
