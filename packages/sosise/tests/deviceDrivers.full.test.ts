import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SessionMigration } from 'sosise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type BoundSession, type DeviceBrowser, proofBy } from './helpers/DeviceBrowser.js';
import { anna, BOUND, COOKIE, deviceWay, PATH, post } from './helpers/deviceWay.js';
import { deviceRoutes } from './helpers/loginRoutes.js';
import { onPostgres } from './helpers/onPostgres.js';
import { onRedis } from './helpers/onRedis.js';
import { hasSqlite, ownTable } from './helpers/ownTable.js';
import { PostgresTable } from './helpers/postgres.js';
import {
    SECRET,
    type SessionApp,
    type SessionAppOptions,
    SessionManager,
    sessionApp,
    temporaryFolder,
} from './helpers/sessionApp.js';
import { startApart } from './helpers/startTwo.js';

const NEW_SECRET = 'New5rW8yB3nK6tQ1zP9cM4xJ7gD2fHs0';
const ROUNDS = 20;
/** Those of the cookies that a thief has who came too late for the short-lived one. */
const withoutProof = (browser: DeviceBrowser, url: string) => {
    const thief = browser.stolen(url);
    thief.cookies.delete(COOKIE);
    return thief;
};

const session = (driver: string, more: object = {}): SessionAppOptions => ({
    session: { ...BOUND, driver, ...more },
});

describe('a device-bound session, file whose driver has a secret', () =>
    deviceWay(() => session('file', { drivers: { file: { secret: 'of the file store, long enough for it' } } })));

describe.skipIf(!hasSqlite)('a device-bound session, SQLite', () => {
    deviceWay(() => session('database', { drivers: { database: { url: join(temporaryFolder(), 'bound.sqlite') } } }));
    secretsRotate(() => ({ driver: 'database', drivers: { database: { url: join(temporaryFolder(), 's.sqlite') } } }));
    betweenProcesses(() => ({ store: 'sqlite', database: { url: join(temporaryFolder(), 'two.sqlite') } }));
});

describe('a device-bound session, file', () => {
    secretsRotate(() => ({ driver: 'file', drivers: { file: { path: temporaryFolder() } } }));
    betweenProcesses(() => ({ store: 'file' }));
});

await onRedis('a device-bound session, redis', (server) => {
    const redis = () => ({ ...server.options, prefix: `bound-${randomBytes(6).toString('hex')}:` });

    deviceWay(() => session('redis', { drivers: { redis: redis() } }));
    describe('encrypted', () => deviceWay(() => session('redis', { encrypt: true, drivers: { redis: redis() } })));
    secretsRotate(() => ({ driver: 'redis', drivers: { redis: redis() } }));
    betweenProcesses(() => ({ store: 'redis', redisPort: server.port }));

    test.each([
        ['file', 'redis', {}],
        ['redis', 'file', {}],
        ['file', 'redis', { encrypt: true }],
    ])('from %s to %s it stays bound, at every moment: %j', async (from, to, more) => {
        const drivers = { file: { path: temporaryFolder() }, redis: redis() };
        const start = (driver: string, fallback: string[] = []) =>
            sessionApp({ routes: deviceRoutes, ...session(driver, { fallback, drivers, ...more }) });
        const before = await start(from);
        const browsers = await Promise.all(Array.from({ length: 20 }, () => anna(before)));
        await before.close();

        const apps = [await start(to, [from]), await start(to, [from])];
        const urlOf = (n: number) => apps[n % 2]?.url as string;
        let isOver = false;
        const thefts = browsers.map(async (browser, n) => {
            const users = new Set<unknown>();
            for (let look = n; !isOver || look < n + 2; look += 1) {
                users.add((await withoutProof(browser, urlOf(look)).json('/me'))['user']);
            }
            return [...users];
        });
        const owners = browsers.map(async (browser, n) => {
            const same = browser.at(urlOf(n));
            same.cookies.delete(COOKIE);
            return [await same.json('/members'), await same.refresh(), await same.at(urlOf(n + 1)).json('/bound')];
        });
        await apps[0]?.app.container.make(SessionMigration).run({ from, to });
        const seen = await Promise.all(owners);
        isOver = true;
        expect(await Promise.all(thefts)).toEqual(browsers.map(() => [null]));
        expect(seen).toEqual(browsers.map(() => ['anna', 200, true]));
        await Promise.all(apps.map((app) => app.close()));

        const alone = await start(to);
        for (const browser of browsers) {
            const same = browser.at(alone.url);
            same.cookies.delete(COOKIE);
            expect(await same.json('/members')).toBe('anna');
            expect((await withoutProof(browser, alone.url).plainVisit('/members')).status).toBe(401);
        }
    });
});

await onPostgres('a device-bound session, PostgreSQL', () => {
    const database = () => {
        const { options, drop } = ownTable();
        onTestFinished(drop);
        return { ...options };
    };

    deviceWay(() => session('database', { drivers: { database: database() } }));
    secretsRotate(() => ({ driver: 'database', drivers: { database: database() } }));
    betweenProcesses(() => ({ store: 'postgres', database: database() }));

    describe('a plain store behind the adapter', () =>
        deviceWay(() => {
            const table = new PostgresTable(`t_${randomBytes(6).toString('hex')}`);
            onTestFinished(() => table.drop());
            const open = async () => (await table.create()).open();
            return {
                ...session('plain'),
                boot: ({ container }) => container.make(SessionManager).extend('plain', open),
            };
        }));
});

/** What becomes of it when the secrets change: with the former one behind the new one, and without it. */
function secretsRotate(place: () => object): void {
    test.each([false, true])('secrets change, encrypt: %s', async (encrypt) => {
        const store = place();
        const start = (...secret: string[]): Promise<SessionApp> =>
            sessionApp({ routes: deviceRoutes, session: { ...BOUND, ...store, encrypt, secret } });
        const first = await start(SECRET);
        const [browser, absent] = [await anna(first), await anna(first)];
        await first.close();

        const second = await start(NEW_SECRET, SECRET);
        const moved = browser.at(second.url);
        expect(await moved.json('/bound'), 'a cookie of before').toBe(true);
        expect(await moved.refresh()).toBe(200);
        expect((await withoutProof(browser, second.url).plainVisit('/members')).status).toBe(401);
        await moved.visit('/migrate', post()); // its cookie is one of the new secret now
        await second.close();

        const third = await start(NEW_SECRET);
        const kept = moved.at(third.url);
        expect(await kept.json('/bound')).toBe(true);
        kept.cookies.delete(COOKIE);
        expect(await kept.json('/members')).toBe('anna');
        expect((await withoutProof(kept, third.url).plainVisit('/members')).status).toBe(401);
        const late = absent.at(third.url);
        expect((await late.plainVisit('/members')).status, 'signed by the secret that is gone').toBe(401);
        expect(await late.refresh()).toBe(401);
        expect(await (await anna(third, late)).json('/bound')).toBe(true);
    });
}

function betweenProcesses(options: () => Parameters<typeof startApart>[0]): void {
    const start = () => startApart({ ...options(), session: BOUND });

    test('a device registers in one process, and proves itself in the other', async () => {
        const [one, other] = await start();
        const browser = await anna({ url: one });
        await browser.visit('/put', post({ cart: [1] }));
        const there = browser.at(other);
        expect(await there.json('/bound')).toBe(true);
        there.cookies.delete(COOKIE); // as ten minutes later
        expect(await there.json('/members')).toBe('anna');
        expect(there.refreshes).toBe(1);
        expect(await there.at(one).json('/bound')).toBe(true);
        for (const url of [one, other]) {
            const thief = withoutProof(browser, url);
            expect(await thief.json('/me')).toMatchObject({ user: null });
            expect(await thief.json('/read')).toEqual({ cart: [1] });
            expect((await thief.plainVisit('/members')).status).toBe(401);
            expect((await thief.plainVisit('/vault')).status).toBe(401);
        }

        await there.visit('/migrate', post());
        const back = there.at(one);
        back.cookies.delete(COOKIE);
        expect(await back.json('/members')).toBe('anna');
        const copy = back.at(other);
        await back.visit('/logout', post());
        expect(await copy.refresh()).toBe(401);
        expect((await copy.plainVisit('/members')).status).toBe(401);
    });

    test('a challenge of one process is answered in the other, and once in all', async () => {
        const urls = await start();
        const browser = await anna({ url: urls[0] });
        const both = urls.map((url) => browser.at(url));
        const { session_identifier: id } = browser.bound as BoundSession;
        for (let round = 0; round < ROUNDS; round += 1) {
            const challenge = await both[round % 2]?.challenge(browser.bound as BoundSession);
            const proof = proofBy(browser.key, { jti: challenge });
            const answers = await Promise.all(both.map((each) => each.prove(PATH, proof, id)));
            expect(answers.map(({ status }) => status).sort()).toEqual([200, 403]);
        }
        const challenge = await both[0]?.challenge(browser.bound as BoundSession);
        const alone = await both[1]?.prove(PATH, proofBy(browser.key, { jti: challenge }), id);
        expect(alone?.status).toBe(200);
    });

    test('renewals beside 50 requests that change different keys in both processes lose none of them', async () => {
        const [one, other] = await start();
        const browser = await anna({ url: one });
        const both = [browser.at(one), browser.at(other)];
        const keys = Array.from({ length: 50 }, (_, n) => `key${n}`);
        const writes = keys.map((key, n) => both[n % 2]?.plainVisit('/put', post({ [key]: n })));
        const renewals = [await browser.at(other).refresh(), await browser.at(one).refresh()];
        expect(new Set((await Promise.all(writes)).map((answer) => answer?.status))).toEqual(new Set([200]));
        expect(renewals).toEqual([200, 200]);
        expect(await browser.json('/read')).toEqual(Object.fromEntries(keys.map((key, n) => [key, n])));
        expect(await browser.json('/bound')).toBe(true);
    });

    test('a logout in one process while the other renews ends the session', async () => {
        const [one, other] = await start();
        for (let round = 0; round < ROUNDS; round += 1) {
            const browser = await anna({ url: one });
            const [renewing, same] = [browser.at(other), browser.at(other)];
            const [renewed, { status }] = await Promise.all([renewing.refresh(), browser.visit('/logout', post())]);
            expect(status).toBe(200);
            expect([200, 401, 403]).toContain(renewed);
            expect(await same.refresh()).toBe(401);
            expect((await renewing.plainVisit('/members')).status).toBe(401);
        }
    });
}
