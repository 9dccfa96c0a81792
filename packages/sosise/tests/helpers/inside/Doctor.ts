/** What tests use of src/Doctor. */
export type { Check } from '../../../src/Doctor/Check.js';
