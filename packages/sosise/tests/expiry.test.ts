import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Router } from 'express';
import { describe, expect, test } from 'vitest';
import { endedRecord, keyOf, liveRecord, type StoredCookie } from './helpers/inside/Session/Record.js';
import { SessionRepository } from './helpers/inside/Session/Repository.js';
import { FileStore } from './helpers/inside/Session/Stores/File.js';
import { sessionApp, temporaryFolder } from './helpers/sessionApp.js';

const HOUR = 3_600_000;

function routes(router: Router): void {
    router.get('/', (request, response) => {
        request.session['visits'] = Number(request.session['visits'] ?? 0) + 1;
        response.json(request.session['visits']);
    });
    router.get('/remember', (request, response) => {
        request.session.cookie.maxAge = 30 * 24 * HOUR;
        response.json('remembered');
    });
    router.get('/left', (request, response) => {
        response.json(request.session.cookie.originalMaxAge);
    });
}

/** Moves a stored session's last activity into the past, as if nobody had come meanwhile. */
function age(folder: string, ms: number, ours = true): void {
    for (const name of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
        const seen = Date.now() - ms;
        const cookie = { originalMaxAge: 2 * HOUR, path: '/', httpOnly: true };
        const stock = JSON.stringify({ cookie, visits: 1, __lastAccess: seen });
        writeFileSync(join(folder, name), ours ? recordOf(seen, cookie, ',"visits":1') : stock);
    }
}

function recordOf(seen: number, cookie: StoredCookie, body: string): string {
    return liveRecord({ seen, created: seen, login: undefined }, cookie, body);
}

describe('idle time', () => {
    test.each([
        ['a record of ours', true],
        ['a record of the stock package', false],
    ])('%s is accepted until it is over and not a moment longer', async (_kind, ours) => {
        const app = await sessionApp({ session: { cookie: { maxAge: 2 * HOUR } }, routes });
        const browser = app.browser();
        expect(await browser.json('/')).toBe(1);
        age(app.folder, 2 * HOUR - 5000, ours);
        expect(await browser.json('/')).toBe(2);
        age(app.folder, 2 * HOUR + 1, ours);
        expect(await browser.json('/')).toBe(1);
    });

    test.each([
        [{ idle: HOUR, cookie: { maxAge: 5 * HOUR } }, HOUR],
        [{ cookie: { maxAge: 3 * HOUR } }, 3 * HOUR],
        [{ drivers: { file: { ttl: 60 } } }, 60_000],
        [{}, 2 * HOUR],
    ])('is idle, else cookie.maxAge, else the ttl of the driver, else two hours: %j', async (session, idle) => {
        const app = await sessionApp({ session, routes: (router) => router.use(count) });
        const browser = app.browser();
        await browser.visit('/');
        const { maxAge = null } = (session as { cookie?: { maxAge: number } }).cookie ?? {};
        const write = (seen: number) => {
            const [name = ''] = readdirSync(app.folder).filter((file) => file.endsWith('.json'));
            writeFileSync(join(app.folder, name), recordOf(seen, { originalMaxAge: maxAge, path: '/' }, ',"visits":7'));
        };
        write(Date.now() - idle + 5000);
        expect(await browser.json('/')).toBe(8);
        write(Date.now() - idle - 1);
        expect(await browser.json('/')).toBe(1);
    });

    test('a session that is remembered lives by its own cookie, which is sent at once', async () => {
        const app = await sessionApp({ session: { cookie: { maxAge: 2 * HOUR } }, routes });
        const browser = app.browser();
        await browser.visit('/');
        await browser.visit('/remember');
        const days =
            (Date.parse(/Expires=([^;]+)/.exec(browser.received.at(-1) as string)?.[1] as string) - Date.now()) /
            HOUR /
            24;
        expect(Math.round(days)).toBe(30);
        expect(await browser.json('/left')).toBeGreaterThan(29 * 24 * HOUR);
    });
});

describe('pruning', () => {
    test('removes what is dead, keeps what lives, and sets aside what is damaged', async () => {
        const folder = temporaryFolder();
        const warnings: string[] = [];
        const driver = new FileStore({ path: folder });
        const repository = new SessionRepository(driver, {
            idleMs: 2 * HOUR,
            maxAgeMs: undefined,
            timeoutMs: 2000,
            keepDamagedMs: HOUR,
            warn: (message) => warnings.push(message),
        });
        const now = Date.now();
        const put = (id: string, text: string, writtenMsAgo: number) => {
            const file = join(folder, `${id}.json`);
            writeFileSync(file, text);
            utimesSync(file, new Date(now - writtenMsAgo), new Date(now - writtenMsAgo));
        };
        const live = (seenMsAgo: number, maxAge: number | null = null) =>
            recordOf(now - seenMsAgo, { originalMaxAge: maxAge }, ',"a":1');
        const note = (msAgo: number) => endedRecord(now - msAgo, 'destroyed');
        put(keyOf('expired'), live(3 * HOUR), 3 * HOUR);
        put(keyOf('expired long ago'), live(28 * HOUR), 28 * HOUR);
        put(keyOf('remembered'), live(3 * HOUR, 24 * HOUR), 3 * HOUR);
        put(keyOf('fresh'), live(1000), 1000);
        put(keyOf('ended'), note(3 * HOUR), 3 * HOUR);
        put(keyOf('ended long ago'), note(26 * HOUR), 26 * HOUR);
        put(keyOf('damaged'), '{"cookie":', 3 * HOUR);
        put('plain-and-expired', live(3 * HOUR), 3 * HOUR);
        put('plain-and-alive', live(1000), 3 * HOUR);
        put('moved', live(1000), 3 * HOUR); // by a process that died before it removed this one
        put(keyOf('moved'), live(1000), 1000);
        expect(await repository.prune()).toBe(5);
        const left = ['ended', 'expired', 'fresh', 'moved', 'remembered'].map(keyOf);
        expect(
            readdirSync(folder)
                .filter((name) => name.endsWith('.json'))
                .sort(),
        ).toEqual([...left, 'plain-and-alive'].map((name) => `${name}.json`).sort());
        expect(readFileSync(join(folder, `${keyOf('expired')}.json`), 'utf8').trimEnd()).toBe(
            endedRecord(now - HOUR, 'idle'),
        );
        expect(warnings).toHaveLength(1);
        expect(readdirSync(join(folder, '.set-aside'))).toHaveLength(1);
        driver.close();
    });
});

function count(request: Parameters<Parameters<Router['get']>[1]>[0], response: { json(value: unknown): void }): void {
    request.session['visits'] = Number(request.session['visits'] ?? 0) + 1;
    response.json(request.session['visits']);
}
