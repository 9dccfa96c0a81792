/** What tests use of src/Session/Stores/File. */
export { FileStore, type FileStoreOptions } from '../../../../../src/Session/Stores/File/FileStore.js';
export {
    fittedTo,
    hasRoom,
    textWithin,
    withRoom,
} from '../../../../../src/Session/Stores/File/recordRoom.js';
export { SessionFileNames } from '../../../../../src/Session/Stores/File/SessionFileNames.js';
