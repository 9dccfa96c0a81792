// What `npm run dev` runs, by bin/sosise.js.
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Supervisor } from './Dev/Supervisor.js';

const here = import.meta.url;

/** Runs the application in the working folder, and again when a file is saved: `sosise dev [ENTRY] [ARGUMENT...]`. */
export function dev([entry = 'src/server.ts', ...args]: readonly string[]): void {
    const root = process.cwd();
    if (!existsSync(join(root, entry))) {
        console.error(
            `There is no ${entry} in ${root}: run npm run dev in the folder of the application, or name its entry.`,
        );
        process.exit(1);
    }
    new Supervisor({
        root,
        entry: join(root, entry),
        args,
        standby: fileURLToPath(new URL(`standby${extname(here)}`, here)),
        // In a packed framework nothing is saved.
        framework: extname(here) === '.ts' ? fileURLToPath(new URL('.', here)) : undefined,
    }).start();
}
