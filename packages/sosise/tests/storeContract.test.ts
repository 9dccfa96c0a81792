import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import session from 'express-session';
import memorystore from 'memorystore';
import { FileStore } from './helpers/inside/Session/Stores/File.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { testSessionStore } from './helpers/inside/Testing.js';

const StockMemoryStore = memorystore(session) as unknown as new (options: object) => session.Store;

function inFolder(make: (path: string) => session.Store) {
    const folder = mkdtempSync(join(tmpdir(), 'sosise-store-'));
    return {
        store: make(folder),
        reopen: () => make(folder),
        close: () => rmSync(folder, { recursive: true, force: true }),
    };
}

/** The adapter can't know when a plain store wrote what. */
const lacks = ['lists what was written before a time'];

testSessionStore('file driver', () => inFolder((path) => new FileStore({ path })), { lacks: [] });
testSessionStore('memory driver', () => new MemoryStore(), { lacks: [] });
testSessionStore('express-session’s MemoryStore', () => new session.MemoryStore(), { lacks });
testSessionStore('stock memorystore', () => new StockMemoryStore({}), { lacks });
