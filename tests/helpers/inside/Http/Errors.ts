/** What tests use of src/framework/Http/Errors. */
export { ErrorPage } from '../../../../src/framework/Http/Errors/ErrorPage.js';
