import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { SessionRegistry } from 'sosise';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { type StoreHandles, testSessionStore } from './helpers/inside/Testing.js';
import { memberRoutes } from './helpers/loginRoutes.js';
import { serversAreRequired } from './helpers/postgres.js';
import { type SessionApp, SessionManager, sessionApp } from './helpers/sessionApp.js';
import { closeStores, type NpmStore, storesFromNpm } from './helpers/storesFromNpm.js';

const HOUR = 3_600_000;

/** What the adapter can't give to any plain store. */
const adapterLacks = [
    'lists what was written before a time',
    'loses nothing between two handles on the same storage',
    'locks between two handles on the same storage',
];

afterAll(closeStores);

for (const store of storesFromNpm) {
    const { name, missing, open, lacks, sharesNothing } = store;
    if (missing !== undefined) {
        test.skipIf(!isRequired(name) || missing.includes('Node.js'))(`${name} on what it needs`, () => {
            throw new Error(`It is required here (SOSISE_REQUIRE_SERVERS=1, SOSISE_REQUIRE_MARIADB=1): ${missing}`);
        });
        console.log(`Skipped: ${name}: ${missing}`);
        continue;
    }
    testSessionStore(name, open, { lacks: [...adapterLacks.slice(0, sharesNothing ? 1 : 3), ...lacks] });
    describe(`an application whose sessions are in ${name}`, () => tests(store));
}

function isRequired(name: string): boolean {
    return name.includes('mysql') ? process.env['SOSISE_REQUIRE_MARIADB'] === '1' : serversAreRequired;
}

function tests(store: NpmStore): void {
    test('ends sessions for good, everywhere, and none lives longer for being written', async () => {
        const { registry, ...app } = await appOn(store);
        const [here, there, left] = [app.browser(), app.browser(), app.browser()];
        for (const browser of [here, there, left]) {
            const answer = await browser.visit('/login', { method: 'POST', body: { user: 'Sharon' } });
            expect(answer.status).toBe(200);
        }
        for (let count = 0; count < 3; count += 1) {
            expect((await here.visit('/count', { method: 'POST' })).status).toBe(200);
        }
        const { age, cookie } = await here.json<{ age: number; cookie: { originalMaxAge: number } }>('/age');
        expect(age).toBe(HOUR);
        expect(cookie.originalMaxAge).toBe(HOUR);
        const ends = Date.parse(/Expires=([^;]+)/.exec(here.received.at(-1) ?? '')?.[1] ?? '');
        expect(ends - Date.now()).toBeLessThanOrEqual(HOUR);
        expect(ends - Date.now()).toBeGreaterThan(HOUR - 60_000);

        const late = left.copy();
        expect((await left.visit('/logout', { method: 'POST' })).status).toBe(200);
        await sleep(1_200); // some count whole seconds, and some dropped what the ends of sessions leave after one ms
        expect(await late.json('/me')).toMatchObject({ user: null, ended: 'destroyed' });
        expect((await late.visit('/count', { method: 'POST' })).status).toBe(200);
        expect(await registry.list('Sharon')).toHaveLength(2);
        expect(await registry.revoke('Sharon')).toBe(2);
        for (const browser of [here, there]) {
            expect(await browser.json('/me')).toMatchObject({ user: null, data: {}, ended: 'revoked' });
        }
        expect(app.log.filter(({ level }) => level === 'error')).toEqual([]);
    });
}

/** An application on a fresh store. */
async function appOn(store: NpmStore): Promise<SessionApp & { registry: SessionRegistry }> {
    const handles: StoreHandles = await store.open();
    onTestFinished(() => handles.close?.() as Promise<void>);
    const app = await sessionApp({
        session: { driver: 'theirs', cookie: { maxAge: HOUR } },
        routes: (router) => {
            memberRoutes(router);
            router.get('/age', (request, response) => {
                response.json({ age: request.session.cookie.originalMaxAge, cookie: request.session.cookie });
            });
        },
        boot: ({ container }) => container.make(SessionManager).extend('theirs', () => handles.store),
    });
    return { ...app, registry: app.app.container.make(SessionRegistry) };
}

test('docs/drivers.md lists them, and says which can list what they hold', () => {
    const docs = readFileSync(new URL('../../../docs/drivers.md', import.meta.url), 'utf8');
    const rows = [...docs.matchAll(/^\| \[?([a-z0-9-]+)\]? +[\d.]+ +\| [^|]+ +\| (yes|no) +\|/gm)];
    expect(rows.map(([, name, lists]) => [name, lists])).toEqual(
        storesFromNpm.map(({ name, lacks }) => [name, lacks.includes('lists its records') ? 'no' : 'yes']),
    );
    expect(storesFromNpm.length).toBeGreaterThanOrEqual(12);
});
