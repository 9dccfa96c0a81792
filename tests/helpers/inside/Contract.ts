/** What tests use of src/framework/Contract. */

export { driverPromises } from '../../../src/framework/Contract/driverPromises.js';
export { facePromises } from '../../../src/framework/Contract/facePromises.js';
export { failureOf, firstLine, lackedBy, mayLack, waitingLast } from '../../../src/framework/Contract/judge.js';
export {
    type AnyStore,
    recordWith,
    StoreBench,
    type StoreFactory,
    type StoreHandles,
    sessionWith,
} from '../../../src/framework/Contract/StoreBench.js';
export type { StorePromise } from '../../../src/framework/Contract/StorePromise.js';
