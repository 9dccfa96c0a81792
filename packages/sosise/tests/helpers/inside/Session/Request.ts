/** What tests use of src/Session/Request. */

export type { ExpressStore } from '../../../../src/Session/Request/ExpressStore.js';
export { SessionServices } from '../../../../src/Session/Request/SessionServices.js';
