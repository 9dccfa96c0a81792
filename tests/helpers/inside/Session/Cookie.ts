/** What tests use of src/framework/Session/Cookie. */

export { cookieValues } from '../../../../src/framework/Session/Cookie/cookieValues.js';
export { SessionCookie } from '../../../../src/framework/Session/Cookie/SessionCookie.js';
