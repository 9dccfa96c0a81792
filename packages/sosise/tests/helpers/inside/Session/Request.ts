/** What tests use of src/Session/Request. */
export type { ExpressStore } from '../../../../src/Session/Request/ExpressStore.js';
export { SessionObserver } from '../../../../src/Session/Request/SessionObserver.js';
export { SessionServices } from '../../../../src/Session/Request/SessionServices.js';
