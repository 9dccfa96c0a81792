/** What tests use of src/framework/Welcome. */
export { welcome } from '../../../src/framework/Welcome/welcome.js';
