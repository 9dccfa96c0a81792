/** What tests use of src/Welcome. */
export { welcome } from '../../../src/Welcome/welcome.js';
