import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sign } from 'cookie-signature';
import session from 'express-session';
import sessionFileStore from 'session-file-store';
import { SessionRegistry } from 'sosise';
import { describe, expect, test, vi } from 'vitest';
import { Browser } from './helpers/Browser.js';
import { recordWith } from './helpers/inside/Contract.js';
import { DriverTransfer, FallbackDriver } from './helpers/inside/Session/Moving.js';
import {
    endedRecord,
    keyOf,
    liveRecord,
    parseRecord,
    SessionLifetime,
    userKeyOf,
} from './helpers/inside/Session/Record.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { memberRoutes } from './helpers/loginRoutes.js';
import { onRedis } from './helpers/onRedis.js';
import type { RedisServer } from './helpers/redis.js';
import { createKernel, SECRET, type SessionApp, sessionApp, temporaryFolder } from './helpers/sessionApp.js';
import { interferedDriver } from './helpers/wrapDriver.js';

const HOUR = 3_600_000;
const post = (body?: unknown) => ({ method: 'POST', ...(body !== undefined && { body }) });

/** One place of files and Redis, and applications on them with one driver or the other. */
class Place {
    private static places = 0;
    public readonly path = temporaryFolder();
    public readonly prefix = `fallback${++Place.places}:`;

    public constructor(private readonly server: RedisServer) {}

    public start(driver: string, fallback: string[] = [], more: Record<string, unknown> = {}): Promise<SessionApp> {
        const redis = { port: this.server.port, prefix: this.prefix };
        return sessionApp({
            session: { driver, fallback, drivers: { file: { path: this.path }, redis }, idle: HOUR, ...more },
            routes: memberRoutes,
        });
    }

    public get files(): string[] {
        return readdirSync(this.path).filter((name) => /^(sha256|user)-/.test(name));
    }

    public get keys(): string[] {
        const found = this.server.cli('--scan', '--pattern', `${this.prefix}*`).split('\n');
        return found.map((key) => key.slice(this.prefix.length)).filter((key) => /^(sha256|user)-/.test(key));
    }

    /** The names of what is stored with a driver. */
    public in(driver: string): string[] {
        return driver === 'file' ? this.files.map((name) => name.replace('.json', '')) : this.keys;
    }
}

/** The same visitor at another server. */
function at(app: SessionApp, visitor: Browser): Browser {
    const browser = new Browser(app.url);
    for (const [name, value] of visitor.cookies) {
        browser.cookies.set(name, value);
    }
    return browser;
}

const keyOfVisitor = (browser: Browser) =>
    keyOf(/^s%3A([\w-]+)\./.exec(browser.cookies.get('sosise') ?? '')?.[1] ?? '');

await onRedis('a switch of the driver', (server) => {
    describe.each([
        ['file', 'redis'],
        ['redis', 'file'],
    ] as const)('from %s to %s', (from, to) => {
        async function switched(more: Record<string, unknown> = {}) {
            const place = new Place(server);
            const before = await place.start(from, [], more);
            const visitor = before.browser();
            await visitor.visit('/put', post({ cart: [1] }));
            await visitor.visit('/login', post({ user: 7 }));
            return { place, before, visitor, more };
        }

        test('keeps a visitor logged in, and moves the session on first use', async () => {
            const { place, before, visitor } = await switched();
            await before.close();
            const after = await place.start(to, [from]);
            const browser = at(after, visitor);
            expect(await browser.json('/me')).toMatchObject({ user: '7', data: { cart: [1] } });
            expect(place.in(from)).not.toContain(keyOfVisitor(visitor));
            expect(place.in(to)).toContain(keyOfVisitor(visitor));
            await browser.visit('/put', post({ more: true }));
            expect(await browser.json('/me')).toMatchObject({ user: '7', data: { cart: [1], more: true } });
        });

        test('moves encrypted sessions', async () => {
            const { place, before, visitor } = await switched({ encrypt: true });
            await before.close();
            const after = await place.start(to, [from], { encrypt: true });
            expect(await at(after, visitor).json('/me')).toMatchObject({ user: '7', data: { cart: [1] } });
        });

        test('loses nothing of parallel requests that are the first', async () => {
            const { place, before, visitor } = await switched();
            await before.close();
            const apps = [await place.start(to, [from]), await place.start(to, [from])];
            const counted = await Promise.all(
                Array.from({ length: 30 }, (_, n) => at(apps[n % 2] as SessionApp, visitor).visit('/count', post())),
            );
            expect(counted.map(({ status }) => status)).toEqual(Array(30).fill(200));
            expect(await at(apps[0] as SessionApp, visitor).json('/me')).toMatchObject({
                user: '7',
                data: { count: 30 },
            });
        });

        test('ends a session on both sides: not even a forgotten copy brings it back', async () => {
            const { place, before, visitor } = await switched();
            await before.close();
            const key = keyOfVisitor(visitor);
            const copy =
                from === 'file' ? readFileSync(join(place.path, `${key}.json`)) : server.cli('GET', place.prefix + key);
            const after = await place.start(to, [from]);
            const browser = at(after, visitor);
            await browser.visit('/me');
            // A process died between writing the one and removing the other.
            if (from === 'file') {
                writeFileSync(join(place.path, `${key}.json`), copy);
            } else {
                server.cli('SET', place.prefix + key, String(copy));
            }
            const thief = browser.copy();
            await browser.visit('/logout', post());
            expect(place.in(from), 'the copy went with it').not.toContain(key);
            expect(await thief.json('/me')).toMatchObject({ user: null, ended: 'destroyed' });
        });

        test('revoking a user ends sessions that nobody has used since', async () => {
            const { place, before, visitor } = await switched();
            const other = before.browser();
            await other.visit('/login', post({ user: 7 }));
            await before.close();
            const after = await place.start(to, [from]);
            const fresh = after.browser();
            await fresh.visit('/login', post({ user: 7 }));
            const registry = after.app.container.make(SessionRegistry);
            expect(await registry.list(7)).toHaveLength(3);
            expect(await registry.revoke(7)).toBe(3);
            for (const browser of [at(after, visitor), at(after, other), fresh]) {
                expect(await browser.json('/me')).toMatchObject({ user: null, ended: 'revoked' });
            }
            const theirs = [visitor, other].map(keyOfVisitor);
            expect(place.in(from).filter((name) => theirs.includes(name) || name === userKeyOf('7'))).toEqual([]);
        });

        test('ending all sessions ends those that were not moved', async () => {
            const { place, before, visitor } = await switched();
            await before.close();
            const after = await place.start(to, [from]);
            expect(await after.app.container.make(SessionRegistry).revokeAll()).toBe(1);
            expect(await at(after, visitor).json('/me')).toMatchObject({ user: null, ended: 'revoked' });
        });
    });

    test('takes over what stock session-file-store wrote under plain ids', async () => {
        const place = new Place(server);
        const Stock = sessionFileStore(session);
        const stock = new Stock({ path: place.path, logFn: () => undefined, reapInterval: -1 });
        const cookie = { originalMaxAge: HOUR, path: '/' };
        await new Promise((resolve) => stock.set('plain-id', { cookie, who: 'anna' } as never, resolve));
        const app = await place.start('redis', ['file']);
        const browser = app.browser();
        browser.cookies.set('sosise', encodeURIComponent(`s:${sign('plain-id', SECRET)}`));
        expect(await browser.json('/me')).toMatchObject({ data: { who: 'anna' } });
        expect(readdirSync(place.path).filter((name) => name.endsWith('.json'))).toEqual([]);
        expect(place.keys).toEqual([keyOf('plain-id')]);
    });

    test('a damaged session of the old driver is set aside there, and its visitor begins anew', async () => {
        const place = new Place(server);
        const before = await place.start('file');
        const visitor = before.browser();
        await visitor.visit('/put', post({ cart: [1] }));
        await before.close();
        writeFileSync(join(place.path, `${keyOfVisitor(visitor)}.json`), '{"__lastAccess":1,');
        const after = await place.start('redis', ['file']);
        expect(await at(after, visitor).json('/me')).toMatchObject({ data: {} });
        expect(readdirSync(join(place.path, '.set-aside'))).toHaveLength(1);
        expect(after.log.some(({ message }) => /damaged, and was quarantined in its old driver/.test(message))).toBe(
            true,
        );
    });

    test('a damaged list of the old driver is made anew, from all sessions', async () => {
        const place = new Place(server);
        const before = await place.start('file');
        const [one, two] = [before.browser(), before.browser()];
        await one.visit('/login', post({ user: 7 }));
        await two.visit('/login', post({ user: 7 }));
        await before.close();
        const after = await place.start('redis', ['file']);
        await at(after, one).visit('/me'); // moved
        writeFileSync(join(place.path, `${userKeyOf('7')}.json`), 'no list');
        expect(await after.app.container.make(SessionRegistry).revoke(7)).toBe(2);
        expect(await at(after, two).json('/me')).toMatchObject({ ended: 'revoked' });
    });

    test('what is over in the old driver is told as it was, and stays there', async () => {
        const place = new Place(server);
        const before = await place.start('file', [], { idle: 50 });
        const visitor = before.browser();
        await visitor.visit('/put', post({ cart: [1] }));
        await before.close();
        await new Promise((resolve) => setTimeout(resolve, 60));
        const after = await place.start('redis', ['file'], { idle: 50 });
        expect(await at(after, visitor).json('/me')).toMatchObject({ data: {}, ended: 'idle' });
        expect(place.keys).toEqual([]);
    });

    test('the old driver in trouble is a 503 for whom it may hold, and nothing for the others', async () => {
        const place = new Place(server);
        const before = await place.start('redis');
        const visitor = before.browser();
        await visitor.visit('/put', post({ cart: [1] }));
        await before.close();
        const redis = { port: server.port, prefix: place.prefix, commandTimeoutMs: 150 };
        const after = await place.start('file', ['redis'], { drivers: { file: { path: place.path }, redis } });
        const newcomer = after.browser();
        await newcomer.visit('/put', post({ n: 1 }));
        server.freeze();
        try {
            expect((await at(after, visitor).visit('/me')).status).toBe(503);
            expect(await newcomer.json('/me')).toMatchObject({ data: { n: 1 } });
        } finally {
            server.thaw();
        }
        await vi.waitFor(async () =>
            expect(await at(after, visitor).json('/me')).toMatchObject({ data: { cart: [1] } }),
        );
    });
});

describe('a process that still knows the old driver alone', () => {
    const lifetime = new SessionLifetime({ idleMs: HOUR, maxAgeMs: undefined });
    const id = keyOf('one');
    const cookie = { originalMaxAge: HOUR };
    const later = () => Date.now() + HOUR;
    const dataOf = (text?: string) => JSON.parse(text ?? '{}') as Record<string, unknown>;

    /** Moves a session; `meanwhile` happens after it was written in its new place, and before it leaves the old one. */
    async function moveWhile(meanwhile: (from: ReturnType<typeof interferedDriver>, to: MemoryStore) => Promise<void>) {
        const to = new MemoryStore();
        let isOver = false;
        const from = interferedDriver({
            remove: async () => {
                if (!isOver) {
                    isOver = true;
                    await meanwhile(from, to);
                }
            },
        });
        await from.write(id, recordWith({ cart: 1, kept: true, gone: 1 }), undefined, later());
        const mover = new DriverTransfer({ from, to, lifetime, warn: () => undefined });
        const result = await mover.move(id);
        return { result, from, to };
    }

    test('and changes a session while it moves loses nothing, nor does who changed it in its new place', async () => {
        const { result, from, to } = await moveWhile(async (from, to) => {
            const old = await from.read(id);
            await from.write(id, recordWith({ cart: 2, kept: true, theirs: 1 }), old?.version, later());
            const there = to.read(id);
            to.write(id, recordWith({ cart: 1, kept: true, gone: 1, mine: 1 }), there?.version, later());
        });
        expect(result.kind).toBe('moved');
        expect(await from.read(id)).toBeUndefined();
        const { __lastAccess, __sosise, cookie, ...data } = dataOf(to.read(id)?.record);
        expect(data).toEqual({ cart: 2, kept: true, theirs: 1, mine: 1 });
    });

    test.each([
        ['in its new place', {}, { deviceKey: 'k', proved: 2 }],
        ['in its old place', { deviceKey: 'k', proved: 2 }, {}],
        ['before, and proves it in its new place', { deviceKey: 'k', proved: 1 }, { deviceKey: 'k', proved: 2 }],
        ['before, and proves it in its old place', { deviceKey: 'k', proved: 2 }, { deviceKey: 'k', proved: 1 }],
    ])('a session that a device is bound to while it moves stays bound: %s', async (_where, theirs, mine) => {
        const login = { user: 'anna', at: 1, binding: 'b' };
        const now = Date.now(); // one that is over would leave the memory a millisecond after it is written
        const bound = (more: object) =>
            liveRecord({ seen: now, created: now, login: { ...login, ...more } }, cookie, '');
        const { to } = await moveWhile(async (from, to) => {
            await from.write(id, bound(theirs), (await from.read(id))?.version, later());
            to.write(id, bound(mine), to.read(id)?.version, later());
        });
        expect(parseRecord(to.read(id)?.record ?? '', Date.now())).toMatchObject({
            login: { ...login, deviceKey: 'k', proved: 2 },
        });
    });

    test('and ends a session while it moves has ended it', async () => {
        const { result, to } = await moveWhile(async (from) => {
            const old = await from.read(id);
            await from.write(id, endedRecord(Date.now(), 'destroyed'), old?.version, later());
        });
        expect(result.kind).toBe('over');
        expect(to.read(id)?.record).toContain('"ended":');
    });

    test('a session that ended in its new place meanwhile is not brought back', async () => {
        const { from, to } = await moveWhile(async (from, to) => {
            const old = await from.read(id);
            await from.write(id, recordWith({ cart: 2 }), old?.version, later());
            to.write(id, endedRecord(Date.now(), 'destroyed'), to.read(id)?.version, later());
        });
        expect(to.read(id)?.record).toContain('"ended":');
        expect(await from.read(id)).toBeDefined();
    });
});

test('a session that another process moves right between the two looks is not taken for none', async () => {
    const lifetime = new SessionLifetime({ idleMs: HOUR, maxAgeMs: undefined });
    const to = new MemoryStore();
    const from = new MemoryStore();
    const id = keyOf('one');
    from.write(id, recordWith({ cart: 1 }), undefined, Date.now() + HOUR);
    const other = new DriverTransfer({ from, to, lifetime, warn: () => undefined });
    const read = from.read.bind(from);
    let isMoved = false;
    const watched = Object.assign(Object.create(from) as MemoryStore, {
        async read(name: string) {
            if (!isMoved) {
                isMoved = true;
                await other.move(id); // `to` was asked before, and had nothing
            }
            return read(name);
        },
    });
    const driver = new FallbackDriver({
        driver: to,
        old: [{ name: 'old', driver: watched }],
        lifetime,
        warn: () => undefined,
    });
    expect(JSON.parse((await driver.read(id))?.record ?? '{}')).toMatchObject({ cart: 1 });
});

describe('the option fallback', () => {
    test.each([
        [{ driver: 'file', fallback: ['file'] }, /fallback\[0\] is the driver itself/],
        [{ driver: 'file', fallback: ['memory'] }, /fallback\[0\] is empty after every start/],
        [{ driver: 'memory', fallback: ['file'] }, /fallback would move sessions into memory.* or fallback to \[\]\./],
        [{ driver: 'redis', fallback: ['file', 'file'] }, /fallback\[1\] stands there twice/],
        [{ driver: 'file', fallback: ['flie'] }, /Session driver \[flie\] is not supported.*Did you mean \[file\]/],
        [{ driver: 'redis', fallback: 'file' }, /fallback is "file": allowed are lists/],
    ])('is checked at start-up: %j', async (options, message) => {
        const start = async () => createKernel({ session: options }).app.boot();
        await expect(start()).rejects.toThrow(message);
    });
});
