/** The door for tests, on Vitest: the kit that runs a whole application, and the promises that any session store can be run against. */

export type { CreateApplication } from './Testing/ownStorage.js';
export { startTestApp, type TestApp, type TestAppOptions } from './Testing/startTestApp.js';
export type { TestAnswer } from './Testing/TestAnswer.js';
export type { ClientOptions, RequestOptions, SessionKeys, TestClient } from './Testing/TestClient.js';
export {
    type AnyStore,
    type StoreFactory,
    type StoreHandles,
    type StoreTestOptions,
    testSessionStore,
} from './Testing/testSessionStore.js';
