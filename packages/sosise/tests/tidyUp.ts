import { afterAll, beforeAll, vi } from 'vitest';

// The files of this folder follow one another in one process: what one has set is gone when the next begins.
let variables: NodeJS.ProcessEnv;

beforeAll(() => {
    variables = { ...process.env };
});

afterAll(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    for (const name of Object.keys(process.env)) {
        delete process.env[name];
    }
    Object.assign(process.env, variables);
});
