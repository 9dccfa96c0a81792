/** What tests use of src/framework/Session/Forms. */
export { ERRORS } from '../../../../src/framework/Session/Forms/flashedForm.js';
