import session, { type Store } from 'express-session';
import sessionFileStore from 'session-file-store';
import { expect } from 'vitest';
import { SessionManager } from './inside/Session/Opening.js';
import { sessionApp, temporaryFolder } from './sessionApp.js';

export const WRITERS = 100;

export const KEYS: [what: string, keyOf: (n: number) => string, count: number][] = [
    ['different keys', (n) => `key${n}`, WRITERS + 1],
    ['the same key', () => 'key', 2],
];

/** Lets this many requests at once change one session of an application; each has to be answered 200, and stored. */
export async function manyWriters(
    settings: Record<string, unknown>,
    open: () => Store | Promise<Store> = fileStoreFromNpm,
) {
    const app = await sessionApp({
        session: settings,
        boot: ({ container }) => container.make(SessionManager).extend('plain', open),
        routes: (router) => {
            router.post('/change/:key', (request, response) => {
                request.session[request.params.key] = request.body.value;
                response.json('stored');
            });
            router.get('/read', ({ session: { cookie, ...keys } }, response) => void response.json(keys));
        },
    });
    /** Gives the time of the answer that was waited for the longest, in ms. */
    return async function changeAll(keyOf: (n: number) => string, count: number): Promise<number> {
        const browser = app.browser();
        await browser.visit('/change/first', { method: 'POST', body: { value: -1 } });
        const answers = await Promise.all(
            Array.from({ length: WRITERS }, async (_, value) => {
                const started = performance.now();
                const { status } = await browser.visit(`/change/${keyOf(value)}`, { method: 'POST', body: { value } });
                return { status, ms: performance.now() - started };
            }),
        );
        expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
        const stored = await browser.json<Record<string, number>>('/read');
        expect(Object.keys(stored)).toHaveLength(count);
        if (count > WRITERS) {
            expect(stored).toEqual({ first: -1, ...Object.fromEntries(answers.map((_, n) => [keyOf(n), n])) });
        }
        return Math.max(...answers.map(({ ms }) => ms));
    };
}

function fileStoreFromNpm(): Store {
    return new (sessionFileStore(session))({ path: temporaryFolder(), logFn: () => undefined }) as unknown as Store;
}
