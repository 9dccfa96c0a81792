/** What tests use of src/framework/Validation. */
export type { StandardSchema } from '../../../src/framework/Validation/StandardSchema.js';
export { type ValidateOptions, validate } from '../../../src/framework/Validation/validate.js';
