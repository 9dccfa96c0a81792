import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ConfigOverrides } from 'sosise';
import type { Ran } from './consoleProject.js';
import { createKernel, SECRET, type SessionAppOptions, temporaryFolder } from './helpers/sessionApp.js';
import { inThisProcess } from './inThisProcess.js';

/** A console in this process, on an application with these options: `const artisan = artisanOn({ … }); await artisan('list')`. */
export function artisanOn(options: SessionAppOptions = {}): (line: string) => Promise<Ran> {
    const root = options.root ?? temporaryFolder();
    writeFileSync(join(root, 'sosise.json'), '{ "manifest": 1, "name": "shop" }');
    const createApplication = async (overrides: ConfigOverrides = {}) =>
        createKernel({ ...options, root, session: { ...options.session, ...overrides.session } }).app;
    const session = async () => ({ default: { enabled: true, secret: SECRET, ...options.session } });
    return async (line) => {
        return inThisProcess(
            {
                entryUrl: pathToFileURL(join(root, 'src/artisan.ts')).href,
                config: { session },
                bootstrap: async () => ({ createApplication }),
            },
            line,
        );
    };
}
