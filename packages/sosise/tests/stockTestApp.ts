import type { ConfigOverrides } from 'sosise';
import { startTestApp, type TestApp, type TestAppOptions } from './helpers/inside/Testing.js';
import { createApplication } from './stock/src/bootstrap/app.js';

/** The kit's createTestApp on a fresh project, whatever the user's application has become. */
export function createTestApp(overrides: ConfigOverrides = {}, options: TestAppOptions = {}): Promise<TestApp> {
    return startTestApp(createApplication, overrides, options);
}
