import type { Request, Router } from 'express';
import session from 'express-session';
import memorystore from 'memorystore';
import {
    login,
    logout,
    type SessionEvent,
    type SessionEventName,
    SessionEvents,
    SessionRegistry,
    StoredSessions,
} from 'sosise';
import { vi } from 'vitest';
import type { Browser } from './helpers/Browser.js';
import { SessionServices } from './helpers/inside/Session/Request.js';
import { type SessionApp, type SessionAppOptions, SessionManager, sessionApp } from './helpers/sessionApp.js';

const PlainStore = memorystore(session);

/** Every event there is. */
export const EVENT_NAMES: readonly SessionEventName[] = [
    ...(['created', 'loaded', 'saved', 'merged', 'migrated', 'loggedIn', 'ended'] as const),
    ...(['revoked', 'refused', 'unavailable', 'cookieNotSent'] as const),
];

/** What the sessions of these tests hold: no event may say it. */
export const CANARY = 'canary-of-a-session-5f1d';
export const post = (body: unknown = {}) => ({ method: 'POST', body });

export interface HeardApp extends SessionApp {
    /** What was told since the last call, in order. */
    told(): SessionEvent[];
    /** Sends a request that waits behind its look at the session until `meanwhile` is done, and changes the session then. */
    overtaken(browser: Browser, meanwhile: () => Promise<unknown>): Promise<number>;
}

/** An application to whose events somebody listens. */
export async function heardApp(options: SessionAppOptions = {}): Promise<HeardApp> {
    const heard: SessionEvent[] = [];
    const app = await quietApp({
        ...options,
        boot: (kernel) => {
            const events = kernel.container.make(SessionEvents);
            for (const name of EVENT_NAMES) {
                events.on(name, (event: SessionEvent) => heard.push(event));
            }
            options.boot?.(kernel);
        },
    });
    const told = () => {
        app.app.container.make(SessionEvents).flush();
        return heard.splice(0);
    };
    return { ...app, told };
}

/** The same, and nobody listens. */
export async function quietApp(options: SessionAppOptions = {}): Promise<Omit<HeardApp, 'told'>> {
    const halts = { looked: () => {}, release: Promise.resolve() as Promise<unknown> };
    let changes = 0;
    const app = await sessionApp({
        ...options,
        boot: (kernel) => {
            kernel.container.make(SessionManager).extend('plain', () => new PlainStore({}) as never);
            options.boot?.(kernel);
        },
        routes: (router) => {
            sessionRoutes(router);
            router.post('/slow', async (request, response) => {
                void request.session['cart'];
                halts.looked();
                await halts.release;
                request.session['slow'] = `${CANARY}${++changes}`;
                response.json({});
            });
            options.routes?.(router);
        },
    });
    const overtaken = async (browser: Browser, meanwhile: () => Promise<unknown>) => {
        let done = () => {};
        halts.release = new Promise<void>((resolve) => {
            done = resolve;
        });
        const looked = new Promise<void>((resolve) => {
            halts.looked = resolve;
        });
        const answer = browser.visit('/slow', post());
        await looked;
        await meanwhile();
        done();
        return (await answer).status;
    };
    return { ...app, overtaken };
}

function sessionRoutes(router: Router): void {
    router.get('/look', (request, response) => response.json({ cart: request.session['cart'] ?? null }));
    router.post('/put', (request, response) => {
        Object.assign(request.session, request.body);
        response.json({});
    });
    router.post('/short', (request, response) => {
        request.session.cookie.maxAge = 1_000;
        request.session['cart'] = CANARY;
        response.json({});
    });
    router.post('/secure', (request, response) => {
        request.session.cookie.secure = true;
        request.session['cart'] = CANARY;
        response.json({});
    });
    router.post('/late', (request, response) => {
        const { session } = request;
        response.write('begun');
        session['cart'] = CANARY;
        response.end();
    });
    for (const [path, act] of Object.entries(ACTIONS)) {
        router.post(path, async (request, response) => {
            await act(request);
            response.json({});
        });
    }
}

const ACTIONS: Readonly<Record<string, (request: Request) => Promise<void>>> = {
    '/login': (request) => login(request, 'ann'),
    '/logout': (request) => logout(request),
    '/destroy': async (request) => request.session.destroy(),
    '/regenerate': async (request) => request.session.regenerate(),
    '/migrate': async (request) => request.session.migrate(),
};

/** An event's name with what tells it apart, without who and when. */
export function inShort(events: readonly SessionEvent[]): string[] {
    return events.map((event) => {
        const { outcome, reason, action, by } = event as unknown as Record<string, string | undefined>;
        return [event.name, outcome, reason, action, by].filter(Boolean).join(' ');
    });
}

/** What `onePass` is told. */
export const PASS: readonly string[] = [
    ...['created', 'loaded live', 'loaded live', 'loaded live', 'saved saved', 'merged', 'saved saved'],
    ...['loaded live', 'migrated', 'loaded live', 'migrated', 'loggedIn', 'refused csrf'],
    ...['loaded live', 'loaded live', 'ended logout', 'refused ended', 'loaded ended destroyed'],
    ...['created', 'loaded live', 'ended regenerated', 'created', 'loaded live', 'ended destroyed'],
    ...['created', 'loggedIn', 'revoked revoked application', 'ended revoked'],
    ...['cookieNotSent insecure', 'cookieNotSent headersSent', 'refused signature'],
    ...['created', 'unavailable loaded', 'created', 'loaded ended idle', 'ended idle'],
];

/** Goes through all that can happen to sessions of one driver. Gives the events, and what none of them may say. */
export async function onePass(app: HeardApp): Promise<{ events: SessionEvent[]; secrets: string[] }> {
    const { container } = app.app;
    const secrets = new Set([CANARY]);
    const one = app.browser();
    const ask = async (path: string, body: unknown = {}, browser = one) => {
        await browser.visit(path, post(body));
        for (const value of browser.cookies.values()) {
            secrets
                .add(value)
                .add(decodeURIComponent(value))
                .add(decodeURIComponent(value).slice(2).split('.')[0] ?? '');
        }
    };
    await ask('/put', { cart: CANARY });
    await one.visit('/look');
    await app.overtaken(one, () => ask('/put', { cart: `${CANARY}2` }));
    await ask('/migrate');
    await ask('/login');
    await one.visit('/put', { ...post(), headers: { origin: 'https://evil.test' } });
    const copy = one.copy();
    await app.overtaken(copy, () => ask('/logout'));
    await copy.visit('/look');
    await ask('/put', { cart: CANARY });
    await ask('/regenerate');
    await ask('/destroy');

    const others = [app.browser(), app.browser(), app.browser(), app.browser()] as const;
    await ask('/login', {}, others[0]);
    await container.make(SessionRegistry).revoke('ann');
    await ask('/secure', {}, others[1]);
    await ask('/late', {}, others[1]);
    others[1].cookies.set('sosise', 's%3Aforged.signature');
    secrets.add('forged');
    await others[1].visit('/look');

    await ask('/put', { cart: CANARY }, others[2]);
    const { driver } = container.make(SessionServices);
    driver.read = () => Promise.reject(new Error(CANARY));
    await others[2].visit('/look');
    Reflect.deleteProperty(driver, 'read');

    await ask('/short', {}, others[3]);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 120_000 });
    try {
        await others[3].visit('/look');
        await container.make(StoredSessions).prune(undefined, { whole: true });
    } finally {
        vi.useRealTimers();
    }
    secrets.delete('');
    return { events: app.told(), secrets: [...secrets] };
}
