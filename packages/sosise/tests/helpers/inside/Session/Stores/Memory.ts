/** What tests use of src/Session/Stores/Memory. */
export {
    MemoryStore,
    type MemoryStoreOptions,
} from '../../../../../src/Session/Stores/Memory/MemoryStore.js';
export { NotesInMemory } from '../../../../../src/Session/Stores/Memory/NotesInMemory.js';
