/** What tests use of src/Session/Stores/Memory. */

export { ExpiringTexts } from '../../../../../src/Session/Stores/Memory/ExpiringTexts.js';
export {
    MemoryStore,
    type MemoryStoreOptions,
} from '../../../../../src/Session/Stores/Memory/MemoryStore.js';
