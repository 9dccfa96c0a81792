/** What tests use of src/framework/Session/Stores/File. */
export { FileStore, type FileStoreOptions } from '../../../../../src/framework/Session/Stores/File/FileStore.js';
export {
    fittedTo,
    hasRoom,
    textWithin,
    withRoom,
} from '../../../../../src/framework/Session/Stores/File/recordRoom.js';
export { SessionFileNames } from '../../../../../src/framework/Session/Stores/File/SessionFileNames.js';
