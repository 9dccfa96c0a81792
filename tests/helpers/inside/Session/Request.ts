/** What tests use of src/framework/Session/Request. */
export type { ExpressStore } from '../../../../src/framework/Session/Request/ExpressStore.js';
export { exclusive } from '../../../../src/framework/Session/Request/exclusive.js';
export { firstAlive } from '../../../../src/framework/Session/Request/firstAlive.js';
export type { SessionLayer } from '../../../../src/framework/Session/Request/SessionLayer.js';
export { SessionObserver } from '../../../../src/framework/Session/Request/SessionObserver.js';
