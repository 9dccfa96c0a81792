/** What tests use of src/Session/Forms. */
export { ERRORS } from '../../../../src/Session/Forms/flashedForm.js';
