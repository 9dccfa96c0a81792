/** What tests use of src/Session/Config. */
export type { SessionConfig } from '../../../../src/Session/Config/SessionConfig.js';
