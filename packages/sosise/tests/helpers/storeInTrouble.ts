import type { RequestHandler, Router } from 'express';
import { expect, vi } from 'vitest';
import type { Browser } from './Browser.js';
import type { SessionApp } from './sessionApp.js';

/** What a request is answered whose session can't be had. */
export const envelope = { code: expect.any(Number), message: expect.stringMatching(/please try again/), data: null };

export const addOne: RequestHandler = (request, response) => {
    request.session['n'] = Number(request.session['n'] ?? 0) + 1;
    response.json({ n: request.session['n'] });
};

/** Routes that read, change and do without the session. */
export function countingRoutes(router: Router): void {
    router.get('/read', (request, response) => void response.json({ n: request.session['n'] ?? 0 }));
    router.post('/add', addOne);
    router.get('/plain', (_request, response) => void response.json('plain'));
}

export async function visitorOf(app: SessionApp): Promise<Browser> {
    const browser = app.browser();
    await browser.visit('/add', { method: 'POST' });
    expect(await browser.json('/read')).toEqual({ n: 1 });
    return browser;
}

/** The requests that need a session are answered 503 with the envelope, in time; the others as ever. */
export async function expectTrouble(
    browser: Browser,
    { reads = true, withinMs = Number.POSITIVE_INFINITY } = {},
): Promise<void> {
    for (const [path, method] of [...(reads ? [['/read', 'GET']] : []), ['/add', 'POST']] as [string, string][]) {
        const started = performance.now();
        const answer = await browser.visit(path, { method });
        expect(answer.status, path).toBe(503);
        expect(await answer.json()).toEqual(envelope);
        expect(performance.now() - started, path).toBeLessThan(withinMs);
    }
    expect((await browser.visit('/plain')).status).toBe(200);
}

/** It comes back by itself. @param withinMs Default: what `vi.waitFor` waits, a second. */
export async function recovery(browser: Browser, withinMs = 1_000): Promise<void> {
    await vi.waitFor(async () => expect((await browser.visit('/add', { method: 'POST' })).status).toBe(200), withinMs);
}
