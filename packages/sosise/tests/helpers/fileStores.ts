import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { FileStore, type FileStoreOptions } from './inside/Session/Stores/File.js';

export const LATER = Date.now() + 3_600_000;

/** The text of a session with these keys. */
export function record(data: object = {}): string {
    return JSON.stringify({ cookie: { originalMaxAge: 3_600_000 }, ...data });
}

/** A folder of its own for each test of the file that calls this, and stores on it, which are closed behind the test. */
export function fileStores(each: (made: { base: string; folder: string }) => void) {
    const opened: FileStore[] = [];
    let base: string;
    let folder: string;

    beforeEach(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), 'file-store-'));
        folder = path.join(base, 'sessions');
        each({ base, folder });
    });

    afterEach(() => {
        for (const store of opened.splice(0)) {
            store.close();
        }
        fs.rmSync(base, { recursive: true, force: true });
    });

    return {
        open(options: FileStoreOptions = {}): FileStore {
            const store = new FileStore({ path: folder, ...options });
            opened.push(store);
            return store;
        },
        /** What the folder holds, without the locks. */
        names(): string[] {
            return fs
                .readdirSync(folder)
                .filter((name) => name !== '.locks')
                .sort();
        },
    };
}
