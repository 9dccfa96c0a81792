import type { Router } from 'express';
import { increment, login, SessionManager } from 'sosise';
import { describe, expect, test } from 'vitest';
import { Deadlines, inTime, KeyedMutex } from './helpers/inside/Support.js';

import { onRedis } from './helpers/onRedis.js';
import { type SessionApp, type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';
import { interferedDriver } from './helpers/wrapDriver.js';

const LIMIT_MS = 150;
const VISITORS = 160;

/** Computes, so that nothing else runs in this process. */
function block(ms: number): void {
    for (const until = performance.now() + ms; performance.now() < until; ) {
        // busy
    }
}

const turns = async (count: number) => {
    for (let turn = 0; turn < count; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
    }
};

function routes(router: Router): void {
    router.post('/add', (request, response) => {
        request.session['n'] = Number(request.session['n'] ?? 0) + 1;
        response.json(request.session['n']);
    });
    router.post('/increment', (request, response) => {
        increment(request, 'n');
        response.json('added');
    });
    router.post('/login', async (request, response) => {
        await login(request, 7);
        response.json('logged in');
    });
    router.get('/read', (request, response) => void response.json(request.session['n'] ?? 0));
}

/** Requests of many visitors while the process is busy again and again, each time for longer than the store has. */
async function changesOfABusyProcess(app: SessionApp): Promise<{ statuses: number[]; stored: number[] }> {
    const browsers = Array.from({ length: VISITORS }, () => app.browser());
    await Promise.all(browsers.map((browser) => browser.visit('/add', { method: 'POST' })));
    const answers = Promise.all(browsers.map((browser) => browser.visit('/add', { method: 'POST' })));
    let isOver = false;
    void answers.finally(() => {
        isOver = true;
    });
    for (let round = 0; round < 20 && !isOver; round += 1) {
        await turns(4); // some are on their way to the store, some on their way back
        block(2 * LIMIT_MS);
    }
    const statuses = (await answers).map(({ status }) => status);
    return { statuses, stored: await Promise.all(browsers.map((browser) => browser.json<number>('/read'))) };
}

async function expectAllStored(options: SessionAppOptions): Promise<void> {
    const { statuses, stored } = await changesOfABusyProcess(await sessionApp({ ...options, routes }));
    expect(stored.filter((n) => n === 2)).toHaveLength(VISITORS);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
}

describe('a process that computes for longer than the store has', () => {
    test.each(['file', 'memory'])('answers 200 for what was stored, %s driver', (driver) =>
        expectAllStored({ session: { driver, storeTimeoutMs: LIMIT_MS } }),
    );
});

await onRedis('a process that computes for longer than Redis has', (server) => {
    test('answers 200 for what was stored', () =>
        expectAllStored({
            session: {
                driver: 'redis',
                storeTimeoutMs: LIMIT_MS,
                drivers: { redis: { ...server.options, commandTimeoutMs: LIMIT_MS } },
            },
        }));
});

describe('many requests that write one session', () => {
    const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 10));
    const appOn = (passes: () => number) =>
        sessionApp({
            session: { driver: 'slow', storeTimeoutMs: LIMIT_MS },
            routes,
            boot: (app) => {
                const wait = () => {
                    passes();
                    return slow();
                };
                app.container.make(SessionManager).extend('slow', () => interferedDriver({ read: wait, write: wait }));
            },
        });

    test('wait for one another for longer than the store has for an answer', async () => {
        let passes = 0;
        const app = await appOn(() => ++passes);
        const browser = app.browser();
        await browser.visit('/add', { method: 'POST' });
        const began = passes;
        const all = Array.from({ length: 100 }, () => browser.copy().visit('/increment', { method: 'POST' }));
        expect((await Promise.all(all)).filter(({ status }) => status !== 200)).toEqual([]);
        expect(await browser.json('/read')).toBe(101);
        expect((passes - began) * 10, 'it took longer than the store has').toBeGreaterThan(2 * LIMIT_MS);
    });

    test('and so do logins of one user', async () => {
        const app = await appOn(() => 0);
        const all = Array.from({ length: 60 }, () => app.browser().visit('/login', { method: 'POST' }));
        expect((await Promise.all(all)).filter(({ status }) => status !== 200)).toEqual([]);
    });
});

describe('a time limit', () => {
    test('is over in time where the process runs', async () => {
        const never = new Promise<never>(() => undefined);
        const started = performance.now();
        await expect(inTime(never, 40, () => new Error('late'))).rejects.toThrow('late');
        expect(performance.now() - started).toBeGreaterThan(39);
    });

    test('comes after what waits to be read, and after some turns of the event loop', async () => {
        const seen: string[] = [];
        const deadline = Deadlines.of(64).start(() => seen.push('late'));
        block(200);
        await turns(3);
        expect(deadline.isOver).toBe(false);
        for (let times = 0; times < 20; times += 1) {
            block(70); // each look comes late, and counts for no more than two of 64
            await new Promise((resolve) => setTimeout(resolve));
        }
        expect(seen).toEqual([]);
        await new Promise((resolve) => setTimeout(resolve, 64));
        expect(deadline.end()).toBe(false);
        expect(seen).toEqual(['late']);
    }, 30_000);

    test('ends without a word where the work is done', async () => {
        let late = 0;
        const deadline = new Deadlines(20).start(() => {
            late += 1;
        });
        expect(deadline.end()).toBe(true);
        expect(deadline.end()).toBe(false);
        await new Promise((resolve) => setTimeout(resolve, 60));
        expect(late).toBe(0);
    });

    test('of a turn in the queue does not run while the process is away', async () => {
        const queue = new KeyedMutex();
        await queue.enter('key', 1_000);
        const waiting = queue.enter('key', 50);
        setTimeout(() => queue.leave('key'));
        block(200);
        expect(await waiting).toBe(true);
        expect(await queue.enter('key', 20), 'and is over for who waits').toBe(false);
    });
});

test('a process that was busy for longer than a route may take does not answer 503 for it', async () => {
    const app = await sessionApp({
        http: { answerTimeoutMs: 200 },
        routes: (router) => {
            router.get('/work', (_request, response) => {
                setImmediate(() => {
                    block(500);
                    setTimeout(() => setImmediate(() => response.json('done')), 30);
                });
            });
            router.get('/never', () => undefined);
        },
    });
    expect((await app.browser().visit('/work')).status).toBe(200);
    expect((await app.browser().visit('/never')).status).toBe(503);
});
