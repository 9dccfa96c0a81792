/** What tests use of src/Validation. */
export type { StandardSchema } from '../../../src/Support/StandardSchema.js';
export { type ValidateOptions, validate } from '../../../src/Validation/validate.js';
