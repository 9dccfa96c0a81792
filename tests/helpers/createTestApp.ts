import type { ConfigOverrides } from 'sosise';
import { startTestApp, type TestApp, type TestAppOptions } from 'sosise/testing';
import { createApplication } from '../../src/bootstrap/app.js';

export type {
    ClientOptions,
    RequestOptions,
    SessionKeys,
    TestAnswer,
    TestApp,
    TestAppOptions,
    TestClient,
} from 'sosise/testing';

/**
 * Your whole application on a free port, with its own storage. Sessions use the driver `file` unless the overrides
 * name another; what a test leaves in Redis is deleted. Only errors are logged, to the console:
 * `const app = await createTestApp({ session: { enabled: true } });`
 *
 * In a test, or in beforeEach, it closes itself when the test is over. In beforeAll, close it in afterAll.
 */
export function createTestApp(overrides: ConfigOverrides = {}, options: TestAppOptions = {}): Promise<TestApp> {
    return startTestApp(createApplication, overrides, options);
}
