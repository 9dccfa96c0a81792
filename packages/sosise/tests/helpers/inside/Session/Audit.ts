/** What tests use of src/Session/Audit. */

export { AuditTrail } from '../../../../src/Session/Audit/AuditTrail.js';
export { SessionExplainer } from '../../../../src/Session/Audit/SessionExplainer.js';
