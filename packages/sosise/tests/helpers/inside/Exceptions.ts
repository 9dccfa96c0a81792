/** What tests use of src/Exceptions. */

export { ConfigError } from '../../../src/Exceptions/errors.js';
export { ValidationException } from '../../../src/Exceptions/ValidationException.js';
