/** What tests use of src/Session/Request. */
export type { ExpressStore } from '../../../../src/Session/Request/ExpressStore.js';
export { exclusive } from '../../../../src/Session/Request/exclusive.js';
export { firstAlive } from '../../../../src/Session/Request/firstAlive.js';
export { SessionObserver } from '../../../../src/Session/Request/SessionObserver.js';
export type { SessionServices } from '../../../../src/Session/Request/SessionServices.js';
