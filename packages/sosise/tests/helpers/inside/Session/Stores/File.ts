/** What tests use of src/Session/Stores/File. */
export { FileStore, type FileStoreOptions } from '../../../../../src/Session/Stores/File/FileStore.js';
export {
    isPadded,
    padded,
    paddedTo,
    textOfPadded,
} from '../../../../../src/Session/Stores/File/paddedRecord.js';
export { SessionFileNames } from '../../../../../src/Session/Stores/File/SessionFileNames.js';
