import type { Router } from 'express';
import { describe, expect, test } from 'vitest';
import { increment, login, SessionManager } from '../../src/framework/index.js';
import { Deadlines } from '../../src/framework/Session/Deadlines.js';
import { inTime } from '../../src/framework/Session/inTime.js';
import { KeyedQueue } from '../../src/framework/Session/stores/KeyedQueue.js';
import { onRedis } from '../helpers/onRedis.js';
import { type SessionApp, type SessionAppOptions, sessionApp } from '../helpers/sessionApp.js';
import { interferedDriver } from '../helpers/wrapDriver.js';

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
