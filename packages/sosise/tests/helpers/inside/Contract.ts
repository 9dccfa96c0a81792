/** What tests use of src/Contract. */

export { driverPromises } from '../../../src/Contract/driverPromises.js';
export { facePromises } from '../../../src/Contract/facePromises.js';
export { failureOf, firstLine, lackedBy, mayLack, waitingLast } from '../../../src/Contract/judge.js';
export {
    type AnyStore,
    recordWith,
    StoreBench,
    type StoreFactory,
    type StoreHandles,
    sessionWith,
} from '../../../src/Contract/StoreBench.js';
export type { StorePromise } from '../../../src/Contract/StorePromise.js';
