// What `npm run dev` runs, by bin/sosise.js.
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Supervisor } from './Dev/Supervisor.js';

const here = import.meta.url;

/** Runs the application in the working folder, and again when a file is saved: `sosise dev [ENTRY] [ARGUMENT...]`. */
export function dev([entry = 'src/server.ts', ...args]: readonly string[]): void {
    const root = process.cwd();
    new Supervisor({
        root,
        entry: join(root, entry),
        args,
        standby: fileURLToPath(new URL(`standby${extname(here)}`, here)),
        // In a packed framework nothing is saved.
        framework: extname(here) === '.ts' ? fileURLToPath(new URL('.', here)) : undefined,
    }).start();
}
