/** What tests use of src/Session/Cookie. */

export { CookieSigner } from '../../../../src/Session/Cookie/CookieSigner.js';
export { cookieValues } from '../../../../src/Session/Cookie/cookieValues.js';
export { SessionCookie } from '../../../../src/Session/Cookie/SessionCookie.js';
