/** What tests use of src/Session/Stores/Plain. */
export { PlainStoreAdapter } from '../../../../../src/Session/Stores/Plain/PlainStoreAdapter.js';
