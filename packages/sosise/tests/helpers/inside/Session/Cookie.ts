/** What tests use of src/Session/Cookie. */

export { cookieValues } from '../../../../src/Session/Cookie/cookieValues.js';
export { SessionCookie } from '../../../../src/Session/Cookie/SessionCookie.js';
