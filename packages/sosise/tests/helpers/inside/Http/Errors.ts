/** What tests use of src/Http/Errors. */
export { ErrorPage } from '../../../../src/Http/Errors/ErrorPage.js';
