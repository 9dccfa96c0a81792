import fs from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Router } from 'express';
import session, { type SessionData, type Store } from 'express-session';
import sessionFileStore from 'session-file-store';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Browser } from './helpers/Browser.js';
import type { ListedRecord, SessionDriver, StoredRecord } from './helpers/inside/Session/Drivers.js';
import { bodyOf, endedRecord, KEY_CHECK, keyOf, liveRecord, parseRecord } from './helpers/inside/Session/Record.js';
import { SessionRepository } from './helpers/inside/Session/Repository.js';
import { type EncryptionOptions, openEncrypted, SessionKeys } from './helpers/inside/Session/Sealing.js';
import { FileStore, type FileStoreOptions } from './helpers/inside/Session/Stores/File.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { PlainStoreAdapter } from './helpers/inside/Session/Stores/Plain.js';
import { authenticatedUser, login, logout } from './helpers/inside/Session.js';
import { createKernel, type SessionApp, SessionManager, sessionApp, temporaryFolder } from './helpers/sessionApp.js';
import { interferedDriver } from './helpers/wrapDriver.js';

const CANARY = 'canary-7f3a';
const SECRET = 'Test7kQ2vX9mZ4rT8wN3pL6sB1dF5hJ0';
const OLD = 'Old5rW8yB3nK6tQ1zP9cM4xJ7gD2fHs0';
const OTHER = 'Other4hV7eU2iR9aY6oC3bT8lS5kN1wG';
const DAY_MS = 86_400_000;
const KEY = keyOf('some id');
const later = () => Date.now() + DAY_MS;

const StockFileStore = sessionFileStore(session);

function record(data: Record<string, unknown> = { user: CANARY }): string {
    const now = Date.now();
    const entries = Object.entries(data).map(([key, value]) => [key, JSON.stringify(value)] as const);
    const cookie = { originalMaxAge: DAY_MS, path: '/' };
    return liveRecord({ seen: now, created: now, login: { user: CANARY, at: now } }, cookie, bodyOf(entries));
}

let folder: string;
let warnings: string[];

beforeEach(() => {
    folder = join(temporaryFolder(), 'sessions');
    warnings = [];
});

afterEach(() => {
    vi.useRealTimers();
});

function files(options: FileStoreOptions = {}): FileStore {
    const store = new FileStore({ path: folder, ...options });
    onTestFinished(() => store.close());
    return store;
}

function open(driver: SessionDriver, options: Partial<EncryptionOptions> = {}): Promise<SessionDriver> {
    const warn = (message: string) => warnings.push(message);
    return openEncrypted(driver, {
        name: 'file',
        secrets: [SECRET],
        encrypts: true,
        timeoutMs: 2_000,
        warn,
        ...options,
    });
}

const off = { encrypts: false };
const reading = async (driver: SessionDriver, id = KEY) => driver.read(id);
const textIn = async (driver: SessionDriver, id = KEY) => (await driver.read(id))?.record;
const put = async (driver: SessionDriver, text: string, version?: unknown, id = KEY) =>
    driver.write(id, text, version, later());

async function listed(driver: SessionDriver): Promise<ListedRecord[]> {
    const found: ListedRecord[] = [];
    for await (const one of driver.records()) {
        found.push(one);
    }
    return found;
}

const fileOf = (id: string) => join(folder, `${id}.json`);
const stored = (id = KEY) => fs.readFileSync(fileOf(id), 'utf8').trimEnd();

/** Everything in the folder, also what is set aside. */
const everything = () =>
    fs
        .readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => `${entry.name}\n${fs.readFileSync(join(entry.parentPath, entry.name), 'utf8')}`)
        .join('\n');

/** Lets time pass for what looks at the clock; timers go on as they are. */
function at(time: number): void {
    vi.useFakeTimers({ toFake: ['Date'], now: time });
}

const plainStores: Record<string, () => Store> = {
    'express-session’s MemoryStore': () => new session.MemoryStore(),
    'session-file-store': () => new StockFileStore({ path: folder, reapInterval: -1, logFn: () => undefined }),
};

describe('what is stored', () => {
    test('no file has a name, a value, a user or a setting of a session in it', async () => {
        const driver = await open(files());
        const version = await put(driver, record({ 'a key of mine': CANARY, list: [CANARY] }));
        await put(driver, record({ 'a key of mine': CANARY, more: CANARY }), version);
        await put(driver, record(), undefined, keyOf('another'));
        await driver.setAside(keyOf('another'));
        const text = everything();
        for (const part of [CANARY, 'a key of mine', 'user', 'login', 'created', 'path', SECRET]) {
            expect(text, part).not.toContain(part);
        }
        expect(text).toContain('sealed');
    });

    test('the same session never looks the same twice', async () => {
        const driver = await open(files());
        const text = record();
        const version = await put(driver, text);
        const [before] = [stored()];
        await put(driver, text, version);
        expect(stored()).not.toBe(before);
        expect(await textIn(driver)).toBe(text);
    });

    test('stores see a session that is kept as long as the record', async () => {
        const driver = await open(files());
        await driver.write(KEY, record(), undefined, Date.now() + 60_000);
        const { cookie, ...rest } = JSON.parse(stored());
        expect(cookie.originalMaxAge).toBeGreaterThan(55_000);
        expect(cookie.originalMaxAge).toBeLessThanOrEqual(60_000);
        expect(Date.parse(cookie.expires)).toBeGreaterThan(Date.now() + 55_000);
        expect(Object.keys(rest)).toEqual(['__lastAccess', '__sosise']);
    });

    test.each(Object.keys(plainStores))('%s, behind the adapter, holds sealed sessions too', async (name) => {
        const store = (plainStores[name] as () => Store)();
        const driver = await open(new PlainStoreAdapter(store));
        const version = await put(driver, record({ user: CANARY, n: 1 }));
        const found = (await reading(driver)) as StoredRecord;
        expect(found.version).toEqual(version);
        expect(parseRecord(found.record, Date.now())).toMatchObject({ data: { user: CANARY, n: 1 } });
        const raw = await promisify(store.get.bind(store))(KEY);
        expect(JSON.stringify(raw)).not.toContain(CANARY);
        expect(await put(driver, record({ n: 2 }), found.version)).toBeDefined();
        expect(await driver.remove(KEY, version)).toBe(false);
        expect((await listed(driver)).map(({ record: text }) => text.includes(CANARY))).toEqual(
            name === 'session-file-store' ? [] : [true],
        );
    });

    test('the memory driver still answers at once', async () => {
        const driver = await open(new MemoryStore());
        const text = record();
        const version = driver.write(KEY, text, undefined, later());
        expect(driver.read(KEY)).toEqual({ record: text, version });
        expect(version).toContain('sealed');
        expect(await open(new MemoryStore(), off)).toBeInstanceOf(MemoryStore);
    });

    test('a note that a session ended stays as it is, and is read', async () => {
        const driver = await open(files());
        const note = endedRecord(Date.now(), 'revoked');
        await put(driver, note);
        expect(stored()).toBe(note);
        expect(await textIn(driver)).toBe(note);
    });

    test('a session of 4,000,000 bytes fits', async () => {
        const driver = await open(files());
        const text = record({ large: 'x'.repeat(4_000_000) });
        await put(driver, text);
        files().close();
        expect(await textIn(await open(files()))).toBe(text);
    });
});

describe('a record that was not written so', () => {
    const refusal = { name: 'DamagedRecordError', message: 'it does not decrypt with any of the secrets' };

    test('is refused under another name', async () => {
        const driver = await open(files());
        await put(driver, record());
        fs.copyFileSync(fileOf(KEY), fileOf(keyOf('another')));
        await expect(reading(driver, keyOf('another'))).rejects.toMatchObject(refusal);
        expect(await textIn(driver)).toContain(CANARY);
    });

    test('never opens with a bit flipped: not in the sealed part, and around it to nothing else', async () => {
        const memory = new MemoryStore();
        const driver = await open(memory);
        const text = record({ n: 1 });
        const sealed = String(await put(driver, text));
        const begin = sealed.indexOf('"sealed"');
        const end = sealed.indexOf('},"cookie"');
        for (let position = 0; position < sealed.length; position += 1) {
            for (let bit = 0; bit < 7; bit += 1) {
                const flipped = String.fromCharCode(sealed.charCodeAt(position) ^ (1 << bit));
                const forged = sealed.slice(0, position) + flipped + sealed.slice(position + 1);
                memory.write(KEY, forged, memory.read(KEY)?.version, later());
                const outcome = await outcomeOf(driver, text);
                const isSealedPart = position >= begin && position < end;
                const allowed = isSealedPart ? ['refused', 'nothing'] : ['refused', 'nothing', 'as it was'];
                expect(allowed, `bit ${bit} at ${position}: ${forged}`).toContain(outcome);
                if (/[\w-]/.test(flipped) && position > begin + 10 && position < begin + 200) {
                    expect(outcome).toBe('refused');
                }
            }
        }
    });

    /** What the session layer would make of the record. `nothing`: an expired session without data. */
    async function outcomeOf(driver: SessionDriver, text: string): Promise<string> {
        try {
            const found = (await reading(driver)) as StoredRecord;
            if (found.record === text) {
                return 'as it was';
            }
            const parsed = parseRecord(found.record, Date.now());
            const isNothing = parsed.kind === 'live' && parsed.seen < DAY_MS && !('n' in parsed.data);
            return isNothing ? 'nothing' : 'something else';
        } catch (error) {
            expect((error as Error).name).toMatch(/^(DamagedRecordError|UnknownKeyError)$/);
            return 'refused';
        }
    }

    test.each<[string, (sealed: string) => string]>([
        ['cut short', (sealed) => sealed.slice(0, -4)],
        ['empty', () => ''],
        ['longer', (sealed) => `${sealed}AAAA`],
        ['spelt otherwise', (sealed) => `${sealed}=`],
        ['of two others', (sealed) => sealed.slice(0, 40) + 'A'.repeat(sealed.length - 40)],
    ])('is refused when its sealed text is %s', async (_, change) => {
        const driver = await open(files());
        await put(driver, record());
        const [, sealed] = /"sealed":"([^"]+)"/.exec(stored()) as unknown as [string, string];
        fs.writeFileSync(fileOf(KEY), stored().replace(sealed, change(sealed)));
        await expect(reading(driver)).rejects.toMatchObject(refusal);
    });

    test('is listed as damaged, so that a walk through all goes on', async () => {
        const driver = await open(files());
        await put(driver, record());
        fs.copyFileSync(fileOf(KEY), fileOf(keyOf('another')));
        const found = await listed(driver);
        expect(found.map(({ key }) => key).sort()).toEqual([KEY, keyOf('another')].sort());
        for (const { key: id, record: text } of found) {
            const parse = () => parseRecord(text, Date.now());
            if (id === KEY) {
                expect(parse()).toMatchObject({ kind: 'live' });
            } else {
                expect(parse).toThrow('it does not decrypt');
            }
        }
    });
});

describe('another secret', () => {
    test('in front seals from now on, and what older ones sealed is opened and sealed anew at the next write', async () => {
        const before = await open(files(), { secrets: [OLD] });
        const text = record();
        await put(before, text);
        const rotated = await open(files(), { secrets: [SECRET, OLD] });
        const found = (await reading(rotated)) as StoredRecord;
        expect(found.record).toBe(text);
        expect(await listed(rotated)).toMatchObject([{ key: KEY, outdated: true }]);
        await put(rotated, record({ n: 2 }), found.version);
        expect(await listed(rotated)).toMatchObject([{ key: KEY, outdated: false }]);
        expect(await textIn(await open(files(), { secrets: [SECRET] }))).toContain('"n":2');
    });

    test('that a process does not know yet is trouble that passes: nothing is quarantined, read or walked', async () => {
        const early = await open(files(), { secrets: [OLD] });
        await put(await open(files(), { secrets: [SECRET, OLD] }), record());
        const sealed = fs.readFileSync(fileOf(KEY), 'utf8');
        await expect(reading(early)).rejects.toMatchObject({ name: 'UnknownKeyError' });
        expect(await listed(early)).toEqual([]);
        expect(fs.readFileSync(fileOf(KEY), 'utf8')).toBe(sealed);
        expect(warnings).toEqual([]);
    });

    test('stops start-up before a visitor is refused, with both ways out, and changes nothing', async () => {
        await put(await open(files(), { secrets: [OLD] }), record());
        const before = everything();
        for (const encrypts of [true, false]) {
            await expect(open(files(), { encrypts })).rejects.toMatchObject({
                name: 'ConfigError',
                message:
                    'Session driver [file]: its sessions were encrypted with a secret that is not among those of today. ' +
                    'Put that secret behind the new one, in SESSION_PREVIOUS_SECRETS (.env). Or, to end them all, ' +
                    'delete the record sosise-key-check in the store: what nobody can read any more is quarantined.',
            });
        }
        expect(everything()).toBe(before);
        expect(warnings).toEqual([]);
        await open(files(), { secrets: [SECRET, OLD] });
        fs.rmSync(folder, { recursive: true });
        await open(files(), { secrets: [OTHER] });
    });

    test('can not be told from what it sealed', () => {
        const text = JSON.stringify(new SessionKeys([SECRET]).encrypt(KEY, 'text'));
        expect(new SessionKeys([SECRET]).has(JSON.parse(text))).toBe(true);
        expect(new SessionKeys([OTHER]).has(JSON.parse(text))).toBe(false);
        expect(text).not.toContain(SECRET.slice(0, 6));
    });
});

describe('turning encryption on', () => {
    test('takes sessions that are stored in the clear, and seals them at the next write', async () => {
        const text = record();
        await put(files(), text);
        const driver = await open(files());
        expect(await listed(driver)).toMatchObject([{ key: KEY, record: text, outdated: true }]);
        const found = (await reading(driver)) as StoredRecord;
        expect(found.record).toBe(text);
        await put(driver, record({ user: CANARY, n: 2 }), found.version);
        expect(stored()).not.toContain(CANARY);
    });

    test('refuses them after 30 days, whatever time they claim: someone else put them there', async () => {
        const started = Date.now();
        await open(files());
        const planted = (seen: number) =>
            liveRecord({ seen, created: seen, login: { user: 'admin', at: seen } }, { originalMaxAge: 9e12 }, '');
        const texts = {
            now: planted(started + 30 * DAY_MS),
            before: planted(started - DAY_MS),
            never: '{"cookie":{"originalMaxAge":null},"user":"admin"}',
            list: `{"__lastAccess":${started},"__sosise":{"sessions":[]},"cookie":{"originalMaxAge":1}}`,
            // Begins as a note does, and JSON takes the last of two.
            note: `${endedRecord(started, 'idle').slice(0, -1)},"__sosise":{"created":${started}},"cookie":{},"user":"admin"}`,
        };
        for (const [id, text] of Object.entries(texts)) {
            fs.writeFileSync(fileOf(id), text);
        }
        fs.writeFileSync(fileOf('ended'), endedRecord(started, 'idle'));
        at(started + 30 * DAY_MS - 60_000);
        const driver = await open(files());
        for (const id of Object.keys(texts)) {
            expect(await textIn(driver, id)).toBe(texts[id as keyof typeof texts]);
        }
        at(started + 30 * DAY_MS + 60_000);
        for (const one of [driver, await open(files())]) {
            for (const id of Object.keys(texts)) {
                await expect(reading(one, id), id).rejects.toMatchObject({
                    name: 'DamagedRecordError',
                    message: 'it is not encrypted',
                });
            }
            expect(await textIn(one, 'ended')).toBe(endedRecord(started, 'idle'));
            for (const { key: id, record: text } of await listed(one)) {
                const parse = () => parseRecord(text, Date.now());
                id === 'ended' ? expect(parse().kind).toBe('ended') : expect(parse).toThrow();
            }
        }
    });

    test('is done to sessions that nobody uses by the walk that removes expired ones', async () => {
        const text = record();
        await put(files(), text);
        for (const options of [{}, { secrets: [OTHER, SECRET] }, { secrets: [OTHER, SECRET], ...off }]) {
            fs.utimesSync(fileOf(KEY), new Date(0), new Date(0));
            const driver = await open(files(), options);
            expect(await listed(driver)).toMatchObject([{ outdated: true }]);
            const limits = { idleMs: DAY_MS, maxAgeMs: DAY_MS, timeoutMs: 2_000, keepDamagedMs: DAY_MS };
            await new SessionRepository(driver, { ...limits, warn: (message) => warnings.push(message) }).prune();
            expect(await listed(driver)).toMatchObject([{ key: KEY, record: text, outdated: false }]);
            expect(stored().includes(CANARY)).toBe('encrypts' in options);
        }
        expect(warnings).toEqual([]);
    });

    test('keeps a mark of its own out of every list, and for ten years', async () => {
        const driver = await open(files());
        expect(fs.existsSync(fileOf(KEY_CHECK))).toBe(true);
        expect(await listed(driver)).toEqual([]);
        expect(Date.parse(JSON.parse(stored(KEY_CHECK)).cookie.expires)).toBeGreaterThan(Date.now() + 3_600 * DAY_MS);
        const before = stored(KEY_CHECK);
        await open(files());
        expect(stored(KEY_CHECK)).toBe(before);
    });

    test('by many processes at once makes one mark', async () => {
        const drivers = await Promise.all(Array.from({ length: 10 }, () => open(files())));
        await put(drivers[0] as SessionDriver, record());
        for (const driver of drivers) {
            expect(await textIn(driver)).toContain(CANARY);
        }
        expect(warnings).toEqual([]);
    });
});

describe('turning encryption off', () => {
    test('leaves no trace where it was never on', async () => {
        const driver = await open(files(), off);
        await put(driver, record());
        expect(fs.readdirSync(folder)).toEqual([`${KEY}.json`]);
        expect(stored()).toContain(CANARY);
    });

    test('still opens what was sealed, and stores it in the clear at the next write', async () => {
        const text = record();
        await put(await open(files()), text);
        const driver = await open(files(), off);
        const found = (await reading(driver)) as StoredRecord;
        expect(found.record).toBe(text);
        expect(await listed(driver)).toMatchObject([{ outdated: true }]);
        await put(driver, text, found.version);
        expect(stored()).toBe(text);
        expect(await listed(driver)).toMatchObject([{ outdated: false }]);
    });

    test('and on again takes what was stored meanwhile for another 30 days', async () => {
        const started = Date.now();
        await open(files());
        at(started + 100 * DAY_MS);
        await put(await open(files(), off), record());
        at(started + 101 * DAY_MS);
        expect(await textIn(await open(files()))).toContain(CANARY);
        at(started + 130 * DAY_MS);
        expect(await textIn(await open(files()))).toContain(CANARY);
        at(started + 132 * DAY_MS);
        await expect(reading(await open(files()))).rejects.toThrow('it is not encrypted');
    });

    test('is noticed by processes that still run with it on: nobody is logged out by either', async () => {
        const started = Date.now();
        const running = await open(files());
        at(started + 100 * DAY_MS);
        await put(running, record());
        const next = await open(files(), off);
        const found = (await reading(next)) as StoredRecord;
        await put(next, record({ user: CANARY, n: 2 }), found.version);
        expect(await textIn(running)).toContain('"n":2');
        await put(running, record({ n: 3 }), (await reading(running))?.version);
        expect(await textIn(next)).toContain('"n":3');
    });

    test('is not brought about by putting an old mark back', async () => {
        const started = Date.now();
        await open(files());
        at(started + DAY_MS);
        await open(files(), off);
        const old = stored(KEY_CHECK);
        at(started + 2 * DAY_MS);
        const driver = await open(files());
        at(started + 40 * DAY_MS);
        fs.writeFileSync(fileOf(KEY_CHECK), old);
        fs.writeFileSync(fileOf('planted'), record());
        await expect(reading(driver, 'planted')).rejects.toThrow('it is not encrypted');
    });
});

describe('the mark of encrypted sessions', () => {
    test.each([
        ['empty', ''],
        ['no JSON', `{"${CANARY}`],
        ['a session', `{"cookie":{},"user":"${CANARY}"}`],
        ['altered', undefined],
    ])('that is %s is quarantined and made again, with a warning', async (_, text) => {
        await put(await open(files()), record());
        const altered = stored(KEY_CHECK).replace(/"sealed":"...../, '"sealed":"AAAAA');
        fs.writeFileSync(fileOf(KEY_CHECK), text ?? altered);
        const driver = await open(files());
        expect(await textIn(driver)).toContain(CANARY);
        expect(warnings).toEqual(['The key check of encrypted sessions was damaged: a new one is made.']);
        expect(fs.readdirSync(join(folder, '.set-aside'))).toHaveLength(1);
        await expect(open(files(), { secrets: [OTHER] })).rejects.toThrow('with a secret that is not among');
    });

    test.each<[string, () => Promise<void>, RegExp]>([
        ['is down', () => Promise.reject(new Error('connect ECONNREFUSED')), /: connect ECONNREFUSED/],
        ['does not answer', () => new Promise(() => undefined), /: it did not answer within 50 ms\./],
    ])('stops start-up while the store %s; without encryption that is a warning', async (_, read, reason) => {
        const driver = interferedDriver({ read });
        const options = { name: 'redis', timeoutMs: 50 };
        await expect(open(driver, options)).rejects.toMatchObject({
            name: 'ConfigError',
            message: expect.stringMatching(reason),
        });
        expect(warnings).toEqual([]);
        await open(driver, { ...options, ...off });
        expect(warnings).toEqual([expect.stringMatching(reason)]);
        expect(warnings[0]).toMatch(/^Session driver \[redis\] can't be asked which secret encrypted its sessions/);
    });
});

describe('drivers.file.secret', () => {
    const secret = 'the package’s own secret';
    const data = { cookie: { originalMaxAge: DAY_MS }, user: CANARY } as unknown as SessionData;
    const stock = (options: object = {}) =>
        new StockFileStore({ path: folder, reapInterval: -1, logFn: () => undefined, secret, ...options });
    const setBy = async (store: Store, id: string) => promisify(store.set.bind(store))(id, { ...data });

    test('opens what the package encrypted, and encrypts nothing more', async () => {
        const driver = files({ secret });
        await setBy(stock(), 'abc');
        expect(stored('abc')).not.toContain(CANARY);
        const found = (await driver.read('abc')) as StoredRecord;
        expect(JSON.parse(found.record)).toMatchObject({ user: CANARY });
        expect(await driver.write('abc', record(), found.version)).toBeDefined();
        expect(stored('abc')).toContain(CANARY);
        expect(await textIn(files({ secret }), 'abc')).toContain(CANARY);
    });

    test('is followed by encrypt without a logout', async () => {
        await setBy(stock(), 'abc');
        const driver = await open(files({ secret }));
        const found = (await reading(driver, 'abc')) as StoredRecord;
        expect(found.record).toContain(CANARY);
        await driver.write('abc', record(), found.version, later());
        expect(everything()).not.toContain(CANARY);
        expect(everything()).not.toContain('hmac');
        expect(await textIn(await open(files({ secret })), 'abc')).toContain(CANARY);
        expect(await textIn(await open(files()), 'abc')).toContain(CANARY);
    });

    test.each<[string, object]>([
        ['its own hashing', { crypto: { algorithm: 'aes-256-gcm', hashing: 'sha256' } }],
        ['its own encoder', { encoder: (value: object) => `v1:${JSON.stringify(value)}`, decoder: decodeV1 }],
        ['asn.1', { crypto: { algorithm: 'aes-256-gcm', hashing: 'sha512', use_scrypt: true, use_asn1: true } }],
    ])('opens what was written with %s, and what is in the clear beside it', async (_, options) => {
        await setBy(stock(options), 'abc');
        const driver = files({ secret, ...options });
        expect(await textIn(driver, 'abc')).toContain(CANARY);
        await put(driver, record());
        expect(stored()).toContain(CANARY);
        expect(JSON.parse((await textIn(files({ secret, ...options }))) ?? '')).toMatchObject({ user: CANARY });
    });

    function decodeV1(text: string): unknown {
        return JSON.parse(text.replace(/^v1:/, '')) as unknown;
    }

    test('is not the one it was written with: storage trouble, and nothing is moved', async () => {
        await setBy(stock(), 'abc');
        const before = stored('abc');
        for (const options of [{ secret: 'another' }, {}]) {
            const driver = await open(files(options));
            await expect(reading(driver, 'abc')).rejects.toMatchObject({ code: 'EDECRYPT' });
            await expect(put(driver, record(), 'x', 'abc')).rejects.toMatchObject({ code: 'EDECRYPT' });
        }
        expect(stored('abc')).toBe(before);
        fs.writeFileSync(fileOf('abc'), before.replace('"ct":"', '"ct":"x'));
        await expect(reading(files({ secret }), 'abc')).rejects.toMatchObject({ code: 'EDECRYPT' });
    });

    test('makes nothing of what was never encrypted: as everywhere, it is damaged or a session', async () => {
        await setBy(stock(), 'abc');
        for (const text of ['', 'x', '{}', stored('abc').slice(0, 50), '{"hmac":"x","ct":"y"}', 'null', '[]']) {
            fs.writeFileSync(fileOf('bad'), text);
            const found = await textIn(files({ secret }), 'bad');
            expect(() => parseRecord(found as string, Date.now())).toThrow();
        }
    });

    test('says at start-up what comes after it', () => {
        files({ secret, warn: (message) => warnings.push(message) });
        files({ warn: (message) => warnings.push(message) });
        expect(warnings).toEqual([expect.stringContaining('encrypt: true in src/config/session.ts')]);
    });

    test('does not hold up other work while it opens a session', async () => {
        await setBy(stock(), 'abc');
        const driver = files({ secret });
        const found = driver.read('abc');
        let turns = 0;
        let isOpen = false;
        void Promise.resolve(found).then(() => {
            isOpen = true;
        });
        while (!isOpen) {
            await new Promise(setImmediate);
            turns += 1;
        }
        expect(turns).toBeGreaterThan(20); // reading alone takes a few
    });

    test('still encrypts for those who use the class by itself', async () => {
        const store = files({ secret });
        await setBy(store as unknown as Store, 'abc');
        await promisify(store.touch.bind(store))('abc', { ...data });
        expect(stored('abc')).not.toContain(CANARY);
        expect(await promisify(stock().get.bind(stock()))('abc')).toMatchObject({ user: CANARY });
        expect(await promisify(store.get.bind(store))('abc')).toMatchObject({ user: CANARY });
    });
});

describe('in an application', () => {
    const routes = (router: Router) => {
        router.get('/login', async (request, response) => {
            await login(request, CANARY);
            request.session['n'] = CANARY;
            response.json('welcome');
        });
        router.get('/me', (request, response) => {
            response.json({ user: authenticatedUser(request) ?? null, n: request.session['n'] ?? null });
        });
        router.get('/write', (request, response) => {
            request.session['written'] = Date.now();
            response.json('written');
        });
        router.get('/leave', async (request, response) => {
            await logout(request);
            response.json('bye');
        });
    };
    const known = { user: CANARY, n: CANARY };
    let root: string;
    let browser: Browser | undefined;

    beforeEach(() => {
        root = temporaryFolder();
        folder = join(root, 'storage/sessions');
        browser = undefined;
    });

    /** The application of the same folder once more, and the visitor of before. */
    async function restart(settings: Record<string, unknown>): Promise<{ app: SessionApp; visitor: Browser }> {
        const app = await sessionApp({ root, session: { driver: 'file', secret: [SECRET], ...settings }, routes });
        const visitor = app.browser();
        for (const [name, value] of browser?.cookies ?? []) {
            visitor.cookies.set(name, value);
        }
        browser = visitor;
        return { app, visitor };
    }

    const said = ({ log }: SessionApp) => log.filter(({ level }) => level === 'warning' || level === 'error');

    test('encrypt: true leaves nothing of a session or its user in the folder, and nobody notices', async () => {
        const { app, visitor } = await restart({ encrypt: true });
        await visitor.visit('/login');
        expect(await visitor.json('/me')).toEqual(known);
        expect(fs.readdirSync(folder).filter((name) => name !== '.locks')).toHaveLength(3); // the session, the user's list, and the mark
        expect(everything()).not.toContain(CANARY);
        expect(everything()).not.toContain('cookie":{"originalMaxAge":null');
        await app.close();
        const again = await restart({ encrypt: true });
        expect(await again.visitor.json('/me')).toEqual(known);
        await again.visitor.visit('/leave');
        expect(await again.visitor.json('/me')).toEqual({ user: null, n: null });
        expect([...said(app), ...said(again.app)]).toEqual([]);
    });

    test('turned on, off and on again, and with new secrets, nobody is logged out', async () => {
        const steps: [Record<string, unknown>, boolean][] = [
            [{ encrypt: false }, false],
            [{ encrypt: true }, true],
            [{ encrypt: true, secret: [OTHER, SECRET] }, true],
            [{ encrypt: false, secret: [OTHER, SECRET] }, false],
            [{ encrypt: true, secret: [OLD, OTHER, SECRET] }, true],
        ];
        await (await restart({})).visitor.visit('/login');
        for (const [settings, isSealed] of steps) {
            const { app, visitor } = await restart(settings);
            expect(await visitor.json('/me')).toEqual(known);
            await visitor.visit('/write');
            expect(await visitor.json('/me')).toEqual(known);
            const [file] = fs.readdirSync(folder).filter((name) => name.startsWith('sha256-'));
            expect(fs.readFileSync(join(folder, String(file)), 'utf8').includes(CANARY)).toBe(!isSealed);
            expect(said(app)).toEqual([]);
            await app.close();
        }
    });

    test('a visitor of processes of which only one encrypts stays logged in', async () => {
        const { visitor } = await restart({ encrypt: false });
        await visitor.visit('/login');
        const { visitor: same } = await restart({ encrypt: true });
        for (let round = 0; round < 3; round += 1) {
            for (const each of [visitor, same]) {
                await each.visit('/write');
                expect(await each.json('/me')).toEqual(known);
            }
        }
    });

    test('a record that was tampered with gives its visitor a fresh session, and a warning without contents', async () => {
        const { app, visitor } = await restart({ encrypt: true });
        await visitor.visit('/login');
        const thief = app.browser();
        await thief.visit('/write');
        const names = fs.readdirSync(folder).filter((name) => name.startsWith('sha256-'));
        const [theirs, own] = names.sort((a, b) => size(b) - size(a)) as [string, string];
        fs.rmSync(join(folder, own));
        fs.copyFileSync(join(folder, theirs), join(folder, own));
        expect(await thief.json('/me')).toEqual({ user: null, n: null });
        await expect
            .poll(() => said(app), { interval: 5 })
            .toEqual([
                expect.objectContaining({
                    message: 'A stored session is damaged and was quarantined; its visitor gets a new session.',
                    context: { reason: 'it does not decrypt with any of the secrets' },
                }),
            ]);
        expect(await visitor.json('/me')).toEqual(known);
        expect(JSON.stringify(app.log)).not.toContain(CANARY);
    });

    const size = (name: string) => fs.readFileSync(join(folder, name), 'utf8').trimEnd().length;

    test('another secret stops start-up; put back behind the new one, everyone is still logged in', async () => {
        const { app, visitor } = await restart({ encrypt: true });
        await visitor.visit('/login');
        await app.close();
        const { app: wrong } = createKernel({
            root,
            session: { driver: 'file', secret: OTHER, encrypt: true },
            routes,
        });
        await expect(wrong.boot()).rejects.toThrow(
            /Session driver \[file\]: its sessions were encrypted with a secret/,
        );
        const { visitor: back } = await restart({ encrypt: true, secret: [OTHER, SECRET] });
        expect(await back.json('/me')).toEqual(known);
    });

    test('drivers.file.secret is followed by encryption, and says so', async () => {
        const { app, visitor } = await restart({ drivers: { file: { secret: 'the package’s own' } } });
        await visitor.visit('/login');
        expect(await visitor.json('/me')).toEqual(known);
        expect(everything()).not.toContain(CANARY);
        expect(everything()).not.toContain('hmac');
        expect(said(app)).toEqual([
            expect.objectContaining({ message: expect.stringContaining('drivers.file.secret') }),
        ]);
    });

    test.each(['memory', 'plain'])('the %s driver holds sealed sessions', async (name) => {
        const stores = { memory: new MemoryStore(), plain: new session.MemoryStore() };
        const app = await sessionApp({
            session: { driver: 'mine', secret: [SECRET], encrypt: true },
            boot: (kernel) =>
                kernel.container
                    .make(SessionManager)
                    .extend('mine', () => stores[name as keyof typeof stores] as Store),
            routes,
        });
        const visitor = app.browser();
        await visitor.visit('/login');
        expect(await visitor.json('/me')).toEqual(known);
        const all = await promisify(stores.plain.all.bind(stores.plain))();
        const held = [...Object.values(all ?? {}), ...(await listed(stores.memory))];
        expect(held.length).toBeGreaterThan(1);
        expect(JSON.stringify(held)).not.toContain(CANARY);
    });
});
