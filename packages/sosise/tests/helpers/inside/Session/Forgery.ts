/** What tests use of src/Session/Forgery. */
export { CsrfTokens } from '../../../../src/Session/Forgery/CsrfTokens.js';
export {
    RequestForgery,
    type RequestForgeryOptions,
} from '../../../../src/Session/Forgery/RequestForgery.js';
export { RequestForgeryExemptions } from '../../../../src/Session/Forgery/RequestForgeryExemptions.js';
