/** What tests use of src/framework/Session/Stores/Memory. */
export {
    MemoryStore,
    type MemoryStoreOptions,
} from '../../../../../src/framework/Session/Stores/Memory/MemoryStore.js';
export { NotesInMemory } from '../../../../../src/framework/Session/Stores/Memory/NotesInMemory.js';
