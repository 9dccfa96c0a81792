/** What tests use of src/Session/Schema. */
export { SessionSchema } from '../../../../src/Session/Schema/SessionSchema.js';
