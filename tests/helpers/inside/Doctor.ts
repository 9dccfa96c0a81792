/** What tests use of src/framework/Doctor. */
export type { Check } from '../../../src/framework/Doctor/Check.js';
