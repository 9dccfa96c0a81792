import type { Request, Response, Router } from 'express';
import {
    authenticatedUser,
    csrfToken,
    exclusive,
    flash,
    increment,
    login,
    logout,
    pull,
    SessionRegistry,
} from 'sosise';
import { describe, expect, test } from 'vitest';
import type { SessionServices } from './helpers/inside/Session/Request.js';
import { type SessionApp, type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';
import { EXPECTED } from './stateTableCells.js';

type Act = (request: Request, response: Response) => unknown;

/** What a route does with its session. Each visitor begins with a cart, and is not logged in. */
const OPERATIONS: Record<string, Act> = {
    read: (request) => Object.keys(request.session),
    change: (request) => {
        request.session['op'] = 1;
    },
    increment: (request) => increment(request, 'op'),
    pull: (request) => pull(request, 'cart'),
    save: async (request) => {
        request.session['op'] = 1;
        await request.session.save();
    },
    'save, reload': async (request) => {
        request.session['op'] = 1;
        await request.session.save();
        await request.session.reload().catch(() => undefined);
    },
    reload: (request) => request.session.reload().catch(() => 'not there'),
    regenerate: (request) => request.session.regenerate(),
    migrate: (request) => request.session.migrate(),
    login: (request) => login(request, 7),
    'login as another': (request) => login(request, 8),
    logout: (request) => logout(request),
    destroy: (request) => request.session.destroy(),
    'set to null': (request) => {
        request.session = null as never;
    },
    'revoke others': (request) => registryOf(request).revoke(7, { except: request }),
    flash: (request) => flash(request, 'op', 'text'),
    csrfToken: (request) => csrfToken(request),
    'exclusive change': (request) => {
        request.session['op'] = 1;
    },
    touch: (request) => request.session['nothing'],
    'end of a stream': (request) => {
        request.session['op'] = 1;
    },
};

/** What another request of the same visitor does to the session that the operation's request has come with. */
const EVENTS: Record<string, Act> = {
    change: (request) => {
        request.session['event'] = 1;
    },
    migrate: (request) => request.session.migrate(),
    login: (request) => login(request, 7),
    regenerate: (request) => request.session.regenerate(),
    destroy: (request) => request.session.destroy(),
    revoke: (request) => layerIn(request).repository.revoke(keyIn(request), { follows: true }),
    expire: async (request) => {
        const { driver } = layerIn(request);
        const stored = await driver.read(keyIn(request));
        const old = stored?.record.replace(/"__lastAccess":[1-9]\d+/, `"__lastAccess":${Date.now() - 3_600_000}`);
        await driver.write(keyIn(request), old as string, stored?.version, Date.now() + 3_600_000);
    },
};

/** When that is: before the request's session is looked up, before its operation, or before its headers leave. */
const MOMENTS = ['before', 'between', 'after'] as const;
type Moment = (typeof MOMENTS)[number];

interface Situation {
    /** Whether the visitor has a session. */
    readonly has: boolean;
    readonly event?: string;
    readonly moment?: Moment;
}

/** A visitor without a session, one with, and one whose session something happens to. */
const SITUATIONS: Readonly<Record<string, Situation>> = {
    none: { has: false },
    live: { has: true },
    ...Object.fromEntries(
        MOMENTS.flatMap((moment) =>
            Object.keys(EVENTS).map((event): [string, Situation] => [
                `${event} ${moment}`,
                { has: true, event, moment },
            ]),
        ),
    ),
};

const routes = (cells: Map<string, { moment: Moment | undefined; happen: () => Promise<unknown> }>) => {
    return (router: Router) => {
        const reach = async (request: Request, moment: Moment) => {
            const cell = cells.get(request.get('x-cell') ?? '');
            if (cell?.moment === moment) {
                await cell.happen();
            }
        };
        router.get('/view', (request, response) => {
            const { cookie, ...data } = request.session;
            const user = authenticatedUser(request);
            const keys = Object.keys(data).map((key) => (key.startsWith('~flash:') ? 'flash' : key));
            response.json([...keys.sort(), ...(user === undefined ? [] : [`user ${user}`])]);
        });
        router.post('/begin', (request, response) => {
            request.session['cart'] = 1;
            response.json('begun');
        });
        router.post('/event/:event', async (request, response) => {
            await EVENTS[request.params.event]?.(request, response);
            response.json('happened');
        });
        router.post('/do/exclusive%20change', exclusive());
        router.post('/do/end%20of%20a%20stream', async (request, response) => {
            response.write('begun');
            await reach(request, 'between');
            request.session['op'] = 1;
            await reach(request, 'after');
            response.end();
        });
        router.post('/do/:operation', async (request, response) => {
            void request.session['anything'];
            await reach(request, 'between');
            const result = await OPERATIONS[request.params.operation]?.(request, response);
            await reach(request, 'after');
            response.json(result ?? null);
        });
    };
};

/** The visitor's browser: it keeps the cookie that came last. */
interface Jar {
    cookie: string | undefined;
}

/**
 * Applications that go through cells of the table: what a visitor gets, and has afterwards, for each operation in each
 * situation, on one driver.
 */
class StateTable {
    private readonly cells = new Map<string, { moment: Moment | undefined; happen: () => Promise<unknown> }>();
    private readonly apps = new Map<string, SessionApp>();
    private count = 0;

    private constructor(private readonly session: Record<string, unknown>) {}

    public static async on(session: Record<string, unknown>): Promise<StateTable> {
        const table = new StateTable(session);
        table.apps.set('plain', await table.start({}));
        table.apps.set('touch', await table.start({ session: { rolling: true } }));
        table.apps.set('set to null', await table.start({ session: { unset: 'destroy' } }));
        return table;
    }

    private start(options: SessionAppOptions): Promise<SessionApp> {
        return sessionApp({
            routes: routes(this.cells),
            http: { csrf: { tokens: true } },
            session: { cookie: { maxAge: 600_000 }, ...this.session, ...options.session },
        });
    }

    /**
     * Goes through one cell. Gives the status; the cookie in the answer: `-` for none, `same`, `newer` (the one that the event
     * gave), `new` or `cleared`; and what the visitor's session holds afterwards.
     */
    public async outcome(operation: string, { has, event, moment }: Situation): Promise<string> {
        const { url } = this.apps.get(operation) ?? (this.apps.get('plain') as SessionApp);
        const id = String(this.count++);
        const jar: Jar = { cookie: undefined };
        const send = async (method: string, path: string, cookie: string | undefined) => {
            const headers: Record<string, string> = { 'x-cell': id, 'sec-fetch-site': 'same-origin' };
            try {
                const response = await fetch(`${url}${path}`, {
                    method,
                    headers: { ...headers, ...(cookie !== undefined && { cookie: `sosise=${cookie}` }) },
                });
                const sent = cookieIn(response);
                if (sent !== undefined) {
                    jar.cookie = sent === '' ? undefined : sent;
                }
                return { status: String(response.status), body: await response.text(), sent };
            } catch {
                return { status: 'broken off', body: '', sent: undefined };
            }
        };
        if (has) {
            await send('POST', '/begin', undefined);
        }
        const original = jar.cookie;
        let newer: string | undefined;
        const happen = async () => {
            const { sent } = await send('POST', `/event/${event}`, original);
            newer = sent;
        };
        this.cells.set(id, { moment, happen });
        if (moment === 'before') {
            await happen();
        }
        const { status, sent } = await send('POST', `/do/${encodeURIComponent(operation)}`, original);
        const cookie =
            sent === undefined
                ? '-'
                : sent === ''
                  ? 'cleared'
                  : sent === original
                    ? 'same'
                    : sent === newer
                      ? 'newer'
                      : 'new';
        const view = JSON.parse((await send('GET', '/view', jar.cookie)).body) as string[];
        this.cells.delete(id);
        return `${status} ${cookie}: ${view.join(', ') || 'nothing'}`;
    }
}

function cookieIn(response: globalThis.Response): string | undefined {
    const line = response.headers.getSetCookie().find((each) => each.startsWith('sosise='));
    return line?.split(';')[0]?.slice('sosise='.length);
}

function keyIn(request: Request): string {
    return layerIn(request).cookie.carriedBy(request)?.ids[0]?.key as string;
}

function layerIn(request: Request): SessionServices {
    return (request.sessionStore as unknown as { services: SessionServices }).services;
}

function registryOf(request: Request): SessionRegistry {
    return new SessionRegistry(() => layerIn(request));
}

/** `login before/after, none` is three situations. */
function expectedOf(operation: string): ReadonlyMap<string, string> {
    const cells = Object.entries(EXPECTED[operation] ?? {}).flatMap(([outcome, situations]) =>
        situations.split(', ').flatMap((situation): [string, string][] => {
            const [event = '', moments] = situation.split(' ');
            return moments === undefined
                ? [[event, outcome]]
                : moments.split('/').map((moment) => [`${event} ${moment}`, outcome]);
        }),
    );
    return new Map(cells);
}

/** Tests each cell of the table on a driver. */
export function stateTableOn(name: string, session: Record<string, unknown>): void {
    describe(`what an operation means for a session that another request works on, ${name}`, () => {
        test.each(Object.keys(OPERATIONS))('%s', { timeout: 60_000 }, async (operation) => {
            const table = await StateTable.on(session);
            const expected = expectedOf(operation);
            expect([...expected.keys()].sort()).toEqual(Object.keys(SITUATIONS).sort());
            for (const [situation, cell] of Object.entries(SITUATIONS)) {
                expect.soft(await table.outcome(operation, cell), situation).toBe(expected.get(situation));
            }
        });
    });
}
