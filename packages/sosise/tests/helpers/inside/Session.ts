/** What tests use of src/Session. */

export { csrfToken } from '../../../src/Session/csrfToken.js';
export { exclusive } from '../../../src/Session/exclusive.js';
export { flash, flashed } from '../../../src/Session/flash.js';
export { increment } from '../../../src/Session/increment.js';
export { authenticatedUser, login, logout } from '../../../src/Session/login.js';
export { pull } from '../../../src/Session/pull.js';
export { oldInput, validationErrors } from '../../../src/Session/refusedForm.js';
export { SessionServiceProvider } from '../../../src/Session/SessionServiceProvider.js';
export { sessionConfig } from '../../../src/Session/sessionRules.js';
