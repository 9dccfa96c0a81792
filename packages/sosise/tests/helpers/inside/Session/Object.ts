/** What tests use of src/Session/Object. */

export { SessionObserver } from '../../../../src/Session/Object/SessionObserver.js';
export { RESERVED_KEYS } from '../../../../src/Session/Record/SessionRecord.js';
