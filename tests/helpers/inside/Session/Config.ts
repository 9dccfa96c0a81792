/** What tests use of src/framework/Session/Config. */
export type { SessionConfig } from '../../../../src/framework/Session/Config/SessionConfig.js';
