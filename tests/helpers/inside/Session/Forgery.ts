/** What tests use of src/framework/Session/Forgery. */
export { CsrfTokens } from '../../../../src/framework/Session/Forgery/CsrfTokens.js';
export {
    RequestForgery,
    type RequestForgeryOptions,
} from '../../../../src/framework/Session/Forgery/RequestForgery.js';
export { RequestForgeryExemptions } from '../../../../src/framework/Session/Forgery/RequestForgeryExemptions.js';
