import { vi } from 'vitest';

/** No test fails because a machine is slow: what is waited for comes, or never; how soon is no matter of a test. */
export const PATIENCE_MS = 60_000;

type WaitFor = typeof vi.waitFor;

const patient =
    (wait: WaitFor): WaitFor =>
    (check, options) =>
        wait(check, { interval: 20, ...(typeof options === 'object' && options), timeout: PATIENCE_MS });

const patched = vi as { waitFor: WaitFor; waitUntil: WaitFor; isPatient?: true };
if (!patched.isPatient) {
    patched.isPatient = true; // the files of a project may share their process
    patched.waitFor = patient(vi.waitFor);
    patched.waitUntil = patient(vi.waitUntil as WaitFor);
}
