import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Router } from 'express';
import { describe, expect, test } from 'vitest';
import { SessionRegistry } from './helpers/inside/Session/Admin.js';
import type { SessionDriver } from './helpers/inside/Session/Drivers.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { exclusive } from './helpers/inside/Session.js';
import { memberRoutes } from './helpers/loginRoutes.js';
import { prometheusText } from './helpers/scrape.js';
import { type SessionApp, type SessionAppOptions, SessionManager, sessionApp } from './helpers/sessionApp.js';
import { haltFirst, type Interference, interferedDriver } from './helpers/wrapDriver.js';
import { PROJECT } from './stock.js';

const SOURCES = fileURLToPath(new URL('../src', import.meta.url));

interface Options extends Omit<SessionAppOptions, 'boot'> {
    driver?: SessionDriver;
}

async function start({ driver, ...options }: Options = {}): Promise<SessionApp> {
    return sessionApp({
        ...options,
        session: { driver: driver ? 'own' : 'memory', ...options.session },
        http: { metrics: true, ...options.http },
        boot: ({ container }) =>
            driver && void container.make(SessionManager).extend('own', () => driver as MemoryStore),
        routes: (router) => {
            memberRoutes(router);
            options.routes?.(router);
        },
    });
}

async function figures({ url }: SessionApp) {
    return prometheusText(await (await fetch(`${url}/metrics`)).text());
}

/** The figures of sessions that are not 0, without those of times. */
async function counts(app: SessionApp): Promise<Record<string, number>> {
    const { samples } = await figures(app);
    return Object.fromEntries(
        samples
            .filter(({ name, value }) => /^sosise_session_.*(total|live)$/.test(name) && value > 0)
            .map(({ name, labels, value }) => [
                [name.slice('sosise_session_'.length), ...Object.values(labels)].join(' '),
                value,
            ]),
    );
}

const putFrom = (app: SessionApp, data: object, visitor = app.client()) =>
    visitor.post('/put', { json: data }).then(() => visitor);

describe('figures of sessions', () => {
    test('count what begins, is loaded, saved and ends', async () => {
        const app = await start();
        const visitor = await putFrom(app, { a: 1 });
        await putFrom(app, { a: 2 }, visitor);
        await visitor.get('/me');
        expect(await counts(app)).toEqual({
            created_total: 1,
            'loads_total live': 2,
            'saves_total saved': 1,
            live: 1,
        });
        await visitor.post('/login', { json: { user: 'ann' } });
        await visitor.post('/logout');
        const other = app.client();
        await other.post('/login', { json: { user: 'ben' } });
        await app.app.container.make(SessionRegistry).revoke('ben');
        await other.get('/me');
        expect(await counts(app)).toMatchObject({
            'ended_total logout': 1,
            'ended_total revoked': 1,
            'loads_total ended': 1,
        });
        await expect.poll(async () => (await counts(app))['live']).toBeUndefined();
    });

    test('count what is refused, merged, and cookies that a browser is not given', async () => {
        const app = await start({
            session: { cookie: { secure: true } },
            routes: (router) => {
                router.get('/', (_request, response) => response.json(''));
            },
        });
        await putFrom(app, { a: 1 }); // over plain http
        expect(await counts(app)).toEqual({ 'cookies_not_sent_total insecure': 1 });

        const trouble: Interference = {};
        const open = await start({ driver: interferedDriver(trouble) });
        const visitor = await putFrom(open, { a: 1 });
        const forged = { cookie: `sosise=s%3A${'x'.repeat(32)}.${'y'.repeat(43)}` };
        await fetch(`${open.url}/me`, { headers: forged });
        const fromElsewhere = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
        await visitor.post('/put', { json: {}, headers: fromElsewhere });
        expect(await counts(open)).toMatchObject({ 'refused_total signature': 1, 'refused_total csrf': 1 });

        const halt = haltFirst();
        trouble.write = halt.pass;
        const first = visitor.post('/put', { json: { b: 2 } });
        await halt.reached;
        const loading = new Promise<void>((resolve) => {
            trouble.read = () => resolve();
        });
        const second = visitor.post('/put', { json: { c: 3 } });
        await loading;
        halt.release();
        await Promise.all([first, second]);
        expect(await counts(open)).toMatchObject({ 'saves_total saved': 2, conflicts_total: 1 });
    });

    test('count a store that fails as such, and the scrape works', async () => {
        const trouble: Interference = {};
        const app = await start({ driver: interferedDriver(trouble) });
        const visitor = await putFrom(app, { a: 1 });
        trouble.read = () => Promise.reject(new Error('gone'));
        expect((await visitor.get('/me')).status).toBe(503);
        trouble.read = () => {};
        trouble.write = () => Promise.reject(new Error('gone'));
        expect((await visitor.post('/put', { json: { a: 2 } })).status).toBe(503);
        expect(await counts(app)).toMatchObject({ 'loads_total unavailable': 1, 'saves_total unavailable': 1 });
    });

    test('time the store by what it does, and the waits for locks by their outcome', async () => {
        let release = () => {};
        const app = await start({
            session: { lockTimeoutMs: 40 },
            routes: (router: Router) => {
                router.get('/hold', exclusive(), (_request, response) => {
                    response.write('held');
                    release = () => response.end();
                });
                router.get('/exclusive', exclusive(), (_request, response) => response.json(''));
            },
        });
        const browser = app.browser();
        await browser.visit('/put', { method: 'POST', body: { a: 1 } });
        await browser.visit('/exclusive');
        const holding = await browser.visit('/hold');
        expect((await browser.visit('/exclusive')).status).toBe(503);
        release();
        await holding.text();
        const found = await figures(app);
        const waits = (outcome: string) => found.value('sosise_session_lock_wait_seconds_count', { outcome });
        expect([waits('acquired'), waits('timeout'), waits('unavailable')]).toEqual([2, 1, 0]);
        expect(found.value('sosise_session_lock_wait_seconds_sum', { outcome: 'timeout' })).toBeGreaterThan(0.039);
        const calls = (operation: string) => found.value('sosise_session_store_duration_seconds_count', { operation });
        expect(calls('read')).toBeGreaterThan(4);
        expect(calls('write')).toBe(1);
    });
});

describe('the number of live sessions', () => {
    test('is left out where the driver would have to look at each', async () => {
        const app = await start({ driver: interferedDriver({}) });
        await putFrom(app, { a: 1 });
        const { types, samples } = await figures(app);
        expect(types.get('sosise_session_live')).toBe('gauge');
        expect(samples.filter(({ name }) => name === 'sosise_session_live')).toEqual([]);
    });

    test('that does not come, or fails, holds up no scrape for long, and comes back', async () => {
        class Slow extends MemoryStore {
            public answer: () => Promise<number> = () => new Promise(() => {});
            public override countLive(): never {
                return this.answer() as never;
            }
        }
        const store = new Slow();
        const app = await start({ driver: store as SessionDriver });
        const live = async () => (await counts(app))['live'];
        store.answer = () => Promise.reject(new Error('gone'));
        expect(await live()).toBeUndefined();
        store.answer = async () => 3;
        await expect.poll(live).toBe(3);
        store.answer = () => new Promise(() => {});
        const start_ = performance.now();
        await expect.poll(live, { timeout: 3_000 }).toBeUndefined();
        expect(performance.now() - start_).toBeLessThan(2_500);
    });
});

test('the dashboard shows every figure that there is, and no other', async () => {
    const app = await start();
    await putFrom(app, { a: 1 });
    const { types, samples } = await figures(app);
    const dashboard = JSON.parse(readFileSync(`${PROJECT}/docs/grafana.json`, 'utf8')) as {
        panels: { id: number; title: string; targets: { expr: string }[] }[];
        templating: { list: { query: string | { query: string } }[] };
    };
    const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const named = [...queries, JSON.stringify(dashboard.templating)].flatMap(
        (query) =>
            query.match(/\b(?:http|sosise)_\w+(?=[{,)])/g)?.filter((name) => !/^http_(?:request|route)/.test(name)) ??
            [],
    );
    const families = new Set(named.map((name) => (types.has(name) ? name : name.replace(/_(?:bucket|count)$/, ''))));
    expect([...families].sort()).toEqual([...types.keys()].sort());
    const given = new Set(samples.flatMap(({ name, labels }) => [name, ...Object.keys(labels)]));
    const labels = queries.flatMap((query) =>
        [...query.matchAll(/by \(([^)]*)\)/g)].flatMap(([, by = '']) => by.split(', ')),
    );
    expect(labels.filter((label) => !given.has(label))).toEqual([]);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
});

test('nothing of it is loaded where the config does not ask for it: other rooms import its types alone', () => {
    const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
        .map((name) => name.replaceAll('\\', '/'))
        .filter((name) => name.endsWith('.ts') && !/(?:^|\/)(?:Telemetry|Metrics)\//.test(name));
    const imports = files.flatMap(
        (name) =>
            readFileSync(`${SOURCES}/${name}`, 'utf8').match(/^.*'[^']*\/(?:Telemetry|Metrics)\/[^']*'.*$/gm) ?? [],
    );
    expect(imports.length).toBe(2);
    expect(
        imports.filter((line) => !/^import type |await import\(/.test(line.trim()) && !/= await import\(/.test(line)),
    ).toEqual([]);
});
