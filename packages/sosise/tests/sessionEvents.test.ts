import { MemoryStore } from 'express-session';
import { describe, expect, test } from 'vitest';
import { SessionRegistry } from './helpers/inside/Session/Admin.js';
import { type SessionEvent, type SessionEventName, SessionEvents } from './helpers/inside/Session/Events.js';
import { login, logout } from './helpers/inside/Session.js';
import { type SessionApp, type SessionAppOptions, SessionManager, sessionApp } from './helpers/sessionApp.js';

const NAMES: readonly SessionEventName[] = [
    ...(['created', 'loaded', 'saved', 'merged', 'migrated', 'loggedIn', 'ended'] as const),
    ...(['revoked', 'refused', 'unavailable', 'cookieNotSent'] as const),
];

interface HeardApp extends SessionApp {
    /** What was told since this was called before, in order. */
    told(): Promise<SessionEvent[]>;
}

/** An application to whose events somebody listens. */
async function heardApp(options: SessionAppOptions = {}): Promise<HeardApp> {
    let heard: SessionEvent[] = [];
    const app = await sessionApp({
        ...options,
        boot: (kernel) => {
            kernel.container.make(SessionManager).extend('plain', () => new MemoryStore());
            const events = kernel.container.make(SessionEvents);
            for (const name of NAMES) {
                events.on(name, (event: SessionEvent) => heard.push(event));
            }
            options.boot?.(kernel);
        },
        routes: (router) => {
            router.post('/put', (request, response) => {
                Object.assign(request.session, request.body);
                response.json({});
            });
            router.post('/login', async (request, response) => {
                await login(request, 'ann');
                response.json({});
            });
            router.post('/logout', async (request, response) => {
                await logout(request);
                response.json({});
            });
            router.get('/look', (request, response) => response.json(request.session['cart'] ?? null));
            options.routes?.(router);
        },
    });
    const told = async () => {
        app.app.container.make(SessionEvents).flush();
        const events = heard;
        heard = [];
        return events;
    };
    return { ...app, told };
}

/** Name and what tells it apart, without who and when. */
function inShort(events: readonly SessionEvent[]): string[] {
    return events.map(({ name, ...event }) =>
        [name, ...['outcome', 'reason', 'action', 'by'].flatMap((key) => event[key as never] ?? [])].join(' '),
    );
}

describe.each(['memory', 'file', 'plain'])('driver %s', (driver) => {
    const options = { session: { driver } };

    test('a visit, a login and a logout are told in their order, each with its session, user and request', async () => {
        const app = await heardApp(options);
        const visitor = app.client();
        const answer = await visitor.post('/put', { json: { cart: 1 } });
        const [created, ...others] = await app.told();
        expect(others).toEqual([]);
        expect(created).toEqual({
            name: 'created',
            at: expect.any(Number),
            fingerprint: expect.stringMatching(/^[\w-]{10}$/),
            user: undefined,
            requestId: answer.headers.get('x-request-id'),
            address: '127.0.0.1',
        });
        expect(Math.abs((created as SessionEvent).at - Date.now())).toBeLessThan(5_000);

        await visitor.get('/look');
        await visitor.post('/put', { json: { cart: 2 } });
        const looked = await app.told();
        expect(inShort(looked)).toEqual(['loaded live', 'loaded live', 'saved saved']);
        expect(new Set(looked.map(({ fingerprint }) => fingerprint))).toEqual(new Set([created?.fingerprint]));

        await visitor.post('/login');
        const [, migrated, loggedIn] = await app.told();
        expect(migrated).toMatchObject({ name: 'migrated', fingerprint: created?.fingerprint, user: 'ann' });
        expect(loggedIn).toMatchObject({
            name: 'loggedIn',
            fingerprint: (migrated as { to?: string }).to,
            user: 'ann',
        });

        await visitor.post('/logout');
        const out = await app.told();
        expect(inShort(out)).toEqual(['loaded live', 'ended logout']);
        expect(out[1]).toMatchObject({ fingerprint: loggedIn?.fingerprint, user: 'ann', address: '127.0.0.1' });
    });

    test('a session that is revoked is told twice, with whose it was: that it was revoked, and that it has ended', async () => {
        const app = await heardApp(options);
        await app.client().post('/login');
        const login = (await app.told()).at(-1);
        await app.app.container.make(SessionRegistry).revoke('ann');
        const told = await app.told();
        expect(inShort(told)).toEqual(['revoked revoked application', 'ended revoked']);
        for (const event of told) {
            expect(event).toMatchObject({ fingerprint: login?.fingerprint, user: 'ann', requestId: undefined });
        }
    });
});
