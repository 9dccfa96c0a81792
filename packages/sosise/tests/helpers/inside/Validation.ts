/** What tests use of src/Validation. */
export type { StandardSchema } from '../../../src/Validation/StandardSchema.js';
export { type ValidateOptions, validate } from '../../../src/Validation/validate.js';
