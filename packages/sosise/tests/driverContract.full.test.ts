import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import session from 'express-session';
import memorystore from 'memorystore';
import { type SessionDriver, SessionManager } from 'sosise';
import { expect, test } from 'vitest';
import { StoreBench } from './helpers/inside/Contract.js';
import { FileStore } from './helpers/inside/Session/Stores/File.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { testSessionStore } from './helpers/inside/Testing.js';
import { sessionApp } from './helpers/sessionApp.js';

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

test('a driver that lacks a method is refused, here and at the start, and the method is named', async () => {
    const names = ['read', 'write', 'remove', 'records', 'lock', 'setAside', 'tidy'];
    const driver = Object.fromEntries(names.map((name) => [name, () => undefined])) as unknown as SessionDriver;
    const why = 'is no session driver, as it lacks close()';
    await expect(StoreBench.open(() => driver)).rejects.toThrow(why);
    const app = sessionApp({
        session: { driver: 'own' },
        boot: ({ container }) => void container.make(SessionManager).extend('own', () => driver),
    });
    await expect(app).rejects.toThrow(`Session driver [own]: what extend('own', …) returned ${why}.`);
});
