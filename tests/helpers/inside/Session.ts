/** What tests use of src/framework/Session. */

export { csrfToken } from '../../../src/framework/Session/csrfToken.js';
export { flash, flashed } from '../../../src/framework/Session/flash.js';
export { increment } from '../../../src/framework/Session/increment.js';
export { authenticatedUser, login, logout } from '../../../src/framework/Session/login.js';
export { pull } from '../../../src/framework/Session/pull.js';
export { oldInput, validationErrors } from '../../../src/framework/Session/refusedForm.js';
export { SessionServiceProvider } from '../../../src/framework/Session/SessionServiceProvider.js';
export { sessionConfig } from '../../../src/framework/Session/sessionRules.js';
