/** What tests use of src/framework/Exceptions. */

export { ConfigError } from '../../../src/framework/Exceptions/errors.js';
export { ValidationException } from '../../../src/framework/Exceptions/ValidationException.js';
