/** What tests use of src/Testing. */

export { CookieJar } from '../../../src/Testing/CookieJar.js';
export { readyForClients, startTestApp, type TestApp, type TestAppOptions } from '../../../src/Testing/startTestApp.js';
export type { ClientOptions, TestClient } from '../../../src/Testing/TestClient.js';
export { type StoreHandles, testSessionStore } from '../../../src/Testing/testSessionStore.js';
export { travel } from '../../../src/Testing/travel.js';
