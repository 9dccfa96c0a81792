/** What tests use of src/Session/Object. */
export { RESERVED_KEYS } from '../../../../src/Session/Record/SessionRecord.js';
