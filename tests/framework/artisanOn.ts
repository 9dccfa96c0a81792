import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { vi } from 'vitest';
import type { ConfigOverrides } from '../../src/framework/Config/ConfigOverrides.js';
import { Artisan } from '../../src/framework/Console/Artisan.js';
import { createKernel, SECRET, type SessionAppOptions, temporaryFolder } from '../helpers/sessionApp.js';
import type { Ran } from './consoleProject.js';

/** A console in this process, on an application with these options: `const artisan = artisanOn({ … }); await artisan('list')`. */
export function artisanOn(options: SessionAppOptions = {}): (line: string) => Promise<Ran> {
    const root = options.root ?? temporaryFolder();
    writeFileSync(join(root, 'sosise.json'), '{ "manifest": 1, "name": "shop" }');
    const createApplication = async (overrides: ConfigOverrides = {}) =>
        createKernel({ ...options, root, session: { ...options.session, ...overrides.session } }).app;
    const session = async () => ({ default: { enabled: true, secret: SECRET, ...options.session } });
    return async (line) => {
        const printed = { output: '', errors: '' };
        const output = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
            printed.output += text;
            return true;
        });
        const errors = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
            printed.errors += text;
            return true;
        });
        try {
            const console = new Artisan({
                entryUrl: pathToFileURL(join(root, 'src/artisan.ts')).href,
                config: { session },
                bootstrap: async () => ({ createApplication }),
            });
            return { code: await console.run(line.split(' ')), ...printed };
        } finally {
            output.mockRestore();
            errors.mockRestore();
        }
    };
}
