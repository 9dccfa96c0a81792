import type { Request } from 'express';
import type { SessionData, Store } from 'express-session';
import { login } from 'sosise';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { actingApp, idOf } from './actingApp.js';
import { inShort, post, quietApp } from './eventsApp.js';
import { fingerprintOf, keyOf } from './helpers/inside/Session/Record.js';
import { SessionServices } from './helpers/inside/Session/Request.js';

const HOUR = 3_600_000;
const DATA = { cookie: { originalMaxAge: null }, cart: 2 } as unknown as SessionData;
const endOf = ({ sessionEnded }: Request) => sessionEnded;

type Done = (error?: unknown, result?: unknown) => void;

/** What a method of the store gives its callback. */
function resultOf(call: (done: Done) => void): Promise<unknown> {
    return new Promise((resolve, reject) => call((error, result) => (error ? reject(error) : resolve(result ?? null))));
}

const started = async (session = {}) => {
    const app = await actingApp({ session: { idle: HOUR, ...session } });
    const store = app.app.container.make(SessionServices).store as unknown as Required<Store>;
    return { ...app, store };
};

afterEach(() => {
    vi.useRealTimers();
});

test('set() and touch() of a session that lives say so in its events, with its user', async () => {
    const { store, run, browser, told } = await started();
    const member = browser();
    await run(member, (request) => login(request, 'ann'));
    told();
    await resultOf((done) => store.set(idOf(member), DATA, done));
    await resultOf((done) => store.touch(idOf(member), DATA, done));
    const events = told();
    expect(inShort(events)).toEqual(['saved saved', 'saved touched']);
    expect(new Set(events.map(({ user }) => user))).toEqual(new Set(['ann']));
});

test('set() and touch() of a visitor say so without a user, and set() of an id that is free that it began', async () => {
    const { store, visitor, told } = await started();
    const id = idOf(await visitor());
    await resultOf((done) => store.set(id, DATA, done));
    await resultOf((done) => store.touch(id, DATA, done));
    await resultOf((done) => store.set('an-id', DATA, done));
    const events = told();
    expect(inShort(events)).toEqual(['saved saved', 'saved touched', 'created']);
    expect(events.map(({ fingerprint }) => fingerprint)).toEqual(
        [id, id, 'an-id'].map((id) => fingerprintOf(keyOf(id))),
    );
    expect((await resultOf((done) => store.get('an-id', done))) as object).toMatchObject({ cart: 2 });
});

test('one that has ended does not come back, and nothing is told of it', async () => {
    const { store, visitor, told } = await started();
    const browser = await visitor();
    const id = idOf(browser);
    await browser.visit('/destroy', post());
    told();
    await resultOf((done) => store.set(id, DATA, done));
    await resultOf((done) => store.touch(id, DATA, done));
    expect(told()).toEqual([]);
    expect(await resultOf((done) => store.get(id, done))).toBeNull();
});

test.each(['set', 'touch'] as const)('the same where it ends while %s() is under way', async (method) => {
    const { store, visitor, told, trouble } = await started();
    const browser = await visitor();
    const id = idOf(browser);
    trouble.write = async () => {
        delete trouble.write;
        await browser.visit('/destroy', post());
    };
    await resultOf((done) => store[method](id, DATA, done));
    expect(inShort(told())).toEqual(['loaded live', 'ended destroyed']);
    expect(await resultOf((done) => store.get(id, done))).toBeNull();
});

test('touch() is a visit: the session lives on from then', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { store, visitor } = await started();
    const id = idOf(await visitor());
    for (let count = 0; count < 3; count += 1) {
        vi.setSystemTime(Date.now() + 0.7 * HOUR);
        await resultOf((done) => store.touch(id, DATA, done));
    }
    expect(await resultOf((done) => store.get(id, done))).toMatchObject({ cart: 1 });
});

test.each<[string, (store: Required<Store>, id: string, done: Done) => void]>([
    ['destroy()', (store, id, done) => store.destroy(id, done)],
    ['clear()', (store, _id, done) => store.clear(done)],
])('a visitor whose session %s has ended may hear of it', async (_what, end) => {
    const { store, visitor, ask, told } = await started();
    const browser = await visitor();
    await resultOf((done) => end(store, idOf(browser), done));
    expect(inShort(told())).toEqual(['ended destroyed']);
    expect(await ask(browser, endOf)).toBe('destroyed');
});

test('all() leaves out what is damaged', async () => {
    const { store, visitor, driver } = await started();
    const [sound, damaged] = [await visitor(), keyOf(idOf(await visitor()))];
    const { record = '', version } = (await driver.read(damaged)) ?? {};
    await driver.write(damaged, record.replace(/}$/, ',"cart":1,"cart":}'), version, Date.now() + HOUR);
    const all = (await resultOf((done) => store.all(done))) as object;
    expect(Object.keys(all)).toEqual([keyOf(idOf(sound))]);
});

describe('a callback', () => {
    test('is none needed, and none is missed', async () => {
        const app = await quietApp({ session: { driver: 'memory' } });
        const store = app.app.container.make(SessionServices).store as unknown as Required<Store>;
        const missed: unknown[] = [];
        const miss = (error: unknown) => void missed.push(error);
        process.on('unhandledRejection', miss);
        store.set('an-id', DATA);
        store.touch('an-id', DATA);
        store.set('another', { cookie: {}, deep: 1n } as never);
        await vi.waitFor(async () =>
            expect(await resultOf((done) => store.get('an-id', done))).toMatchObject({ cart: 2 }),
        );
        store.destroy('an-id');
        await vi.waitFor(async () => expect(await resultOf((done) => store.get('an-id', done))).toBeNull());
        await new Promise(setImmediate);
        process.off('unhandledRejection', miss);
        expect(missed).toEqual([]);
    });

    test('hears why its session could not be stored', async () => {
        const { store } = await started();
        const unstorable = { ...DATA, cart: 1n } as never;
        await expect(resultOf((done) => store.set('an-id', unstorable, done))).rejects.toThrow('BigInt');
    });

    test('hears of no error where nobody listens to events', async () => {
        const app = await quietApp({ session: { driver: 'memory' } });
        const store = app.app.container.make(SessionServices).store as unknown as Required<Store>;
        for (let count = 0; count < 2; count += 1) {
            expect(await resultOf((done) => store.set('an-id', DATA, done))).toBeNull();
        }
        expect(await resultOf((done) => store.touch('an-id', DATA, done))).toBeNull();
    });
});

test('createSession() gives a request its own session, with what it has changed', async () => {
    const { visitor, run, dataOf } = await started();
    const browser = await visitor();
    await run(browser, (request) => {
        request.session['seen'] = 1;
        const made = request.sessionStore.createSession(request, DATA);
        expect(made).toBe(request.session);
    });
    expect(await dataOf(browser)).toEqual({ cart: 1, seen: 1 });
});

test('generate() and regenerate() do nothing for a request that has no session', async () => {
    const { store } = await started();
    const request = { headers: {} } as Request;
    (store as unknown as { generate(request: Request): void }).generate(request);
    expect(await resultOf((done) => store.regenerate(request, done))).toBeNull();
    expect(request).toEqual({ headers: {} });
});
