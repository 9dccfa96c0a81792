/** What tests use of src/framework/Session/Stores/Plain. */
export { PlainStoreAdapter } from '../../../../../src/framework/Session/Stores/Plain/PlainStoreAdapter.js';
