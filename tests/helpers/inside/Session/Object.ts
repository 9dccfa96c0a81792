/** What tests use of src/framework/Session/Object. */
export { RESERVED_KEYS } from '../../../../src/framework/Session/Object/HttpSession.js';
