import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Router } from 'express';
import { authenticatedUser, login, logout, SessionRegistry } from 'sosise';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { AttackTable } from './attacks/AttackTable.js';
import { crossSiteRequests } from './attacks/crossSiteRequests.js';
import { type Attempt, altered, cookieOf, forged, signed } from './attacks/forgedCookies.js';
import { keyOf, userKeyOf } from './helpers/inside/Session/Record.js';
import { UserSessions } from './helpers/inside/Session/Repository.js';
import { SECRET, type SessionApp, type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';

const DRIVERS: [string, SessionAppOptions][] = [
    ['file', {}],
    ['memory', { session: { driver: 'memory' } }],
    ['encrypted file', { session: { encrypt: true } }],
];
const DAY = 86_400_000;
const HOST = 'members.example';
const PARALLEL = 8;

const table = new AttackTable();

interface Question {
    method?: string;
    cookie?: string | undefined;
    headers?: OutgoingHttpHeaders;
    body?: string | object;
}

interface Answer {
    readonly status: number;
    /** The session cookie that it sets, as browsers send it back; '' where it clears it. */
    readonly given: string | undefined;
    readonly setCookie: string;
    readonly text: string;
}

interface Me {
    user: string | null;
    secret: string | null;
}

interface Arena {
    readonly app: SessionApp;
    readonly registry: SessionRegistry;
    /** The attacks that did what only a member may do. */
    readonly acted: Set<string>;
    ask(path: string, question?: Question): Promise<Answer>;
    /** Who a cookie makes its bearer. */
    me(cookie: string): Promise<Me>;
    /** A browser that has logged in, and its cookie. */
    member(user?: string): Promise<string>;
    /** The cookie of a visitor who is not logged in. */
    visitor(): Promise<string>;
}

function routes(router: Router, acted: Set<string>): void {
    router.post('/webhooks/:name', (_request, response) => response.json('thanks'));
    router.get('/me', (request, response) => {
        const { secret } = request.session;
        response.json({ user: authenticatedUser(request) ?? null, secret: secret ?? null });
    });
    router.get('/raw', (request, response) => response.json(request.session));
    router.post('/login', async (request, response) => {
        await login(request, request.body.user);
        request.session['secret'] = `of ${request.body.user}`;
        response.json('welcome');
    });
    router.post('/put', (request, response) => {
        const user = authenticatedUser(request) ?? null;
        Object.assign(request.session, request.body);
        response.json({ user });
    });
    router.post('/save', async (request, response) => {
        const user = authenticatedUser(request) ?? null;
        await setTimeout(2); // as long as a question to a database takes: time for its session to be revoked
        request.session['saved'] = Math.random();
        await request.session.save();
        response.json({ user });
    });
    router.post('/migrate', async (request, response) => {
        void request.session['saved'];
        await setTimeout(1);
        await request.session.migrate();
        response.json({ user: authenticatedUser(request) ?? null });
    });
    router.post('/regenerate', async (request, response) => {
        await request.session.regenerate();
        response.json('anew');
    });
    router.post('/destroy', async (request, response) => {
        await request.session.destroy();
        response.json('destroyed');
    });
    router.post('/logout', async (request, response) => {
        await logout(request);
        response.json('bye');
    });
    router.use((request, response, next) => {
        if (['GET', 'HEAD', 'OPTIONS'].includes(request.method) || authenticatedUser(request) === undefined) {
            next();
            return;
        }
        acted.add(String(request.headers['x-attack']));
        request.session['secret'] = 'changed';
        response.json('changed');
    });
}

async function arena(options: SessionAppOptions): Promise<Arena> {
    const acted = new Set<string>();
    const app = await sessionApp({
        ...options,
        http: { csrf: { exempt: ['/webhooks/*'] } },
        session: { idle: 7 * DAY, ...options.session },
        routes: (router) => routes(router, acted),
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 2 * PARALLEL });
    onTestFinished(() => agent.destroy());
    const { port } = new URL(app.url);

    const ask = async (path: string, { method = 'GET', cookie, headers = {}, body }: Question = {}) => {
        const text = typeof body === 'object' ? JSON.stringify(body) : body;
        const sending = httpRequest({
            agent,
            host: '127.0.0.1',
            port,
            method,
            path,
            headers: {
                host: HOST,
                ...(typeof body === 'object' && { 'content-type': 'application/json' }),
                ...(text !== undefined && { 'content-length': Buffer.byteLength(text) }),
                ...(cookie && { cookie }),
                ...headers,
            },
        });
        sending.end(text);
        const [response] = (await once(sending, 'response')) as [IncomingMessage];
        let answer = '';
        for await (const chunk of response.setEncoding('utf8')) {
            answer += chunk;
        }
        const setCookie = response.headers['set-cookie']?.join('\n') ?? '';
        const given = /^sosise=[^;]*/.exec(setCookie)?.[0];
        return { status: response.statusCode ?? 0, given: given === 'sosise=' ? '' : given, setCookie, text: answer };
    };
    const post = async (path: string, body: object) => (await ask(path, { method: 'POST', body })).given ?? '';
    return {
        app,
        registry: app.app.container.make(SessionRegistry),
        acted,
        ask,
        me: async (cookie) => meIn(await ask('/me', { cookie })),
        member: (user = 'mia') => post('/login', { user }),
        visitor: () => post('/put', { cart: 1 }),
    };
}

/** What an answer of /me says; one that says nothing says of nobody. */
function meIn({ status, text }: Answer): Me {
    return status === 200 && text.startsWith('{') ? JSON.parse(text) : { user: null, secret: null };
}

const isSomebody = ({ user, secret }: Me) => user !== null || secret !== null;
const idIn = (cookie: string) => decodeURIComponent(cookie).slice('sosise=s:'.length).split('.')[0] ?? '';

/** A few at a time. */
async function each<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
    const queue = [...items];
    const worker = async () => {
        for (let item = queue.pop(); item !== undefined; item = queue.pop()) {
            await work(item);
        }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
}

/** Browsers share one cookie among all their requests; everything that was ever in it stays known to a thief. */
class Jar {
    public readonly seen = new Set<string>();

    public constructor(public cookie: string) {
        this.seen.add(cookie);
    }

    public keep({ given }: Answer): void {
        if (given !== undefined) {
            this.cookie = given;
            this.seen.add(given);
        }
    }
}

describe.each(DRIVERS)('attacks, %s', (_driver, options) => {
    test('a cookie that nobody signed, or that was signed otherwise, names nobody', async () => {
        const { member, me } = await arena(options);
        const cookie = await member();
        await each(forged(idIn(cookie), SECRET), async ([what, attempt]) => {
            table.record('forged', isSomebody(await me(attempt)), what);
        });
        expect(await me(cookie)).toEqual({ user: 'mia', secret: 'of mia' });
    });

    test('a cookie with any character altered names nobody', async () => {
        const { member, me } = await arena(options);
        const cookie = await member();
        await each(altered(cookie.slice('sosise='.length)), async ([what, attempt]) => {
            table.record('altered', isSomebody(await me(attempt)), what);
        });
        expect(await me(cookie)).toEqual({ user: 'mia', secret: 'of mia' });
    });

    test('what is in no other place than the cookie is no cookie', async () => {
        const { member, ask } = await arena(options);
        const value = (await member()).slice('sosise='.length);
        const id = idIn(`sosise=${value}`);
        const headers = ['x-session-id', 'sosise', 'x-sosise', 'cookie2', 'authorization', 'set-cookie', 'x-cookie'];
        const attempts: [string, OutgoingHttpHeaders][] = [
            ...headers.flatMap((name): [string, OutgoingHttpHeaders][] =>
                [id, value, `sosise=${value}`, `Bearer ${id}`].map((text) => ['/me', { [name]: text }]),
            ),
            ...['sosise', 'sid', 'id', 'session', 'sessionID', 'PHPSESSID', 'connect.sid'].flatMap(
                (name): [string, OutgoingHttpHeaders][] => [
                    [`/me?${name}=${id}`, {}],
                    [`/me?${name}=${value}`, {}],
                    [`/me;${name}=${id}`, {}],
                ],
            ),
        ];
        await each(attempts, async ([path, given]) => {
            const answer = await ask(path, { headers: given });
            table.record('forged', isSomebody(meIn(answer)), `${path} ${JSON.stringify(given)}`);
        });
    });

    test('an id that was never issued is not adopted, be it signed or the name of something stored', async () => {
        const { app, member, me, ask } = await arena(options);
        const cookie = await member();
        plant(app);
        const ids = new Set(neverIssued(app, idIn(cookie)));
        const attempts = [...ids].map((id): Attempt => [id, signed(id, SECRET)]);
        await each(attempts, async ([what, attempt]) => {
            const { given, status } = await ask('/put', { method: 'POST', cookie: attempt, body: { cart: 1 } });
            const isAdopted = status === 200 && (given === undefined || idIn(given) === what);
            table.record('never issued', isAdopted || isSomebody(await me(attempt)), what);
        });
        expect(await me(cookie)).toEqual({ user: 'mia', secret: 'of mia' });
    });

    test('a session that was fixated is not logged in along with its victim, whatever its planter does meanwhile', async () => {
        const { visitor, member, ask, me } = await arena(options);
        for (let round = 0; round < 60; round += 1) {
            const kind = ['planted', 'in use', 'of somebody else'][round % 3];
            const attacker = new Jar(kind === 'of somebody else' ? await member('eve') : await visitor());
            const victim = new Jar(attacker.cookie);
            const paths = kind === 'in use' ? ['/put', '/migrate', '/save', '/put'] : [];
            const using = paths.map(async (path) =>
                attacker.keep(await ask(path, { method: 'POST', cookie: attacker.cookie, body: { cart: 2 } })),
            );
            victim.keep(await ask('/login', { method: 'POST', cookie: victim.cookie, body: { user: 'mia' } }));
            await Promise.all(using);
            attacker.keep(await ask('/put', { method: 'POST', cookie: attacker.cookie, body: { cart: 3 } }));
            for (const cookie of attacker.seen) {
                const { user, secret } = await me(cookie);
                table.record('fixated', user === 'mia' || secret === 'of mia', `${kind}, round ${round}`);
            }
            if (kind !== 'in use') {
                expect(await me(victim.cookie)).toEqual({ user: 'mia', secret: 'of mia' });
            }
        }
    });

    test('a session that was revoked is nobody’s, however many requests are using it', async () => {
        const { member, ask, me, registry } = await arena(options);
        const paths = ['/put', '/migrate', '/save', '/put', '/me'];
        let usedBefore = 0;
        const rounds = options.session?.['encrypt'] ? 20 : 50;
        for (let round = 0; round < rounds; round += 1) {
            const user = `user ${round}`;
            const jar = new Jar(await member(user));
            let isRevoked = false;
            let answers = 0;
            let enough = () => {};
            const busy = new Promise<void>((resolve) => {
                enough = resolve;
            });
            const writers = Array.from({ length: PARALLEL }, async (_, writer) => {
                for (let step = 0; step < 3; step += 1) {
                    const isLater = isRevoked;
                    const path = paths[(writer + step) % paths.length] as string;
                    const method = path === '/me' ? 'GET' : 'POST';
                    const answer = await ask(path, { method, cookie: jar.cookie, body: { step } });
                    jar.keep(answer);
                    const isTheirs = answer.text.includes(user);
                    usedBefore += isTheirs ? 1 : 0;
                    if (isLater) {
                        table.record('revoked in flight', isTheirs, `${path} in round ${round}`);
                    }
                    answers += 1;
                    if (answers > round % 16) {
                        enough();
                    }
                }
            });
            await busy;
            await registry.revoke(user);
            isRevoked = true;
            await Promise.all(writers);
            for (const cookie of jar.seen) {
                table.record('revoked in flight', isSomebody(await me(cookie)), `afterwards, round ${round}`);
            }
            expect(await registry.list(user)).toEqual([]);
        }
        expect(usedBefore).toBeGreaterThan(100);
    });

    test('a session that gets a new id while it is revoked does not slip away', async () => {
        const { member, ask, me, registry } = await arena(options);
        const jar = new Jar(await member());
        const keysOf = UserSessions.prototype.keysOf;
        const spy = vi.spyOn(UserSessions.prototype, 'keysOf');
        onTestFinished(() => spy.mockRestore());
        spy.mockImplementationOnce(async function (this: UserSessions, user) {
            const keys = await keysOf.call(this, user);
            jar.keep(await ask('/migrate', { method: 'POST', cookie: jar.cookie }));
            return keys;
        });
        await registry.revoke('mia');
        expect(jar.seen.size).toBe(2);
        for (const cookie of jar.seen) {
            table.record('revoked in flight', isSomebody(await me(cookie)), 'migrated after the list was read');
        }
    });

    test('a cookie of before is worth nothing after logout, login, and whatever else ends it', async () => {
        const { member, ask, me, registry } = await arena(options);
        const ends: [string, (jar: Jar, user: string) => Promise<unknown>][] = [
            ...['/logout', '/destroy', '/regenerate', '/migrate'].map((path): (typeof ends)[number] => [
                path,
                async (jar) => jar.keep(await ask(path, { method: 'POST', cookie: jar.cookie })),
            ]),
            ...['the same', 'another'].map((who): (typeof ends)[number] => [
                `login of ${who}`,
                async (jar, user) => {
                    const body = { user: who === 'another' ? 'eve' : user };
                    jar.keep(await ask('/login', { method: 'POST', cookie: jar.cookie, body }));
                },
            ]),
            ['revoke', (_jar, user) => registry.revoke(user)],
            [
                'revokeOne',
                async (_jar, user) => registry.revokeOne(user, (await registry.list(user))[0]?.fingerprint ?? ''),
            ],
        ];
        const before: Attempt[] = [];
        for (const [what, end] of ends) {
            for (let round = 0; round < 10; round += 1) {
                const user = `${what} ${round}`; // of its own: what ends one must not end another's
                const jar = new Jar(await member(user));
                const { cookie } = jar;
                expect(await me(cookie)).toMatchObject({ user });
                await end(jar, user);
                before.push([what, cookie]);
            }
        }
        const replay = (when: string) =>
            each(before, async ([what, cookie]) => {
                table.record('replayed', isSomebody(await me(cookie)), `${what}, ${when}`);
            });
        await replay('at once');
        await each(before, async ([what, cookie]) => {
            const { given } = await ask('/put', { method: 'POST', cookie, body: { cart: 1 } });
            table.record('replayed', given !== undefined && idIn(given) === idIn(cookie), `${what}, with a change`);
        });
        vi.useFakeTimers({ toFake: ['Date'] });
        onTestFinished(() => void vi.useRealTimers());
        for (const later of [31_000, 3_600_000, DAY, 2 * DAY]) {
            vi.setSystemTime(Date.now() + later);
            await replay(`${later} ms later`);
        }
    });

    test('no other site acts for a member, by form, fetch or navigation', async () => {
        const { member, ask, acted, me } = await arena(options);
        const cookie = await member();
        const requests = crossSiteRequests(HOST).map((request, index) => ({ ...request, index: String(index) }));
        await each(requests, async ({ method, path, headers, body, index }) => {
            const question = { method, cookie, headers: { ...headers, 'x-attack': index } };
            await ask(path, { ...question, ...(body !== undefined && { body }) });
        });
        for (const { kind, method, path, headers, index } of requests) {
            table.record(kind, acted.has(index), `${method} ${path} ${JSON.stringify(headers)}`);
        }
        expect(await me(cookie)).toEqual({ user: 'mia', secret: 'of mia' });

        // The same requests from a page of the member's own site do act: it was the check that refused the others.
        const unsafe = requests.filter(({ kind }) => kind !== 'cross-site by navigation');
        const different = new Map(unsafe.map((request) => [request.method + request.path, request]));
        await each(different.values(), async ({ method, path, body, index }) => {
            const headers = { 'sec-fetch-site': 'same-origin', 'x-attack': index };
            await ask(path, { method, cookie, headers, ...(body !== undefined && { body }) });
        });
        expect(acted.size).toBeGreaterThan(0.8 * different.size); // a few are a webhook's, or no path at all
    });

    test('no other site gives a visitor a session, be it logged in or not', async () => {
        const { ask } = await arena(options);
        const requests = crossSiteRequests(HOST).filter(
            ({ kind, path }) => kind !== 'cross-site by navigation' && path === '/change',
        );
        for (const path of ['/login', '/put']) {
            await each(requests, async ({ kind, headers }) => {
                const { given } = await ask(path, { method: 'POST', headers, body: '{"user":"eve","cart":1}' });
                table.record(kind, given !== undefined, `${path} ${JSON.stringify(headers)}`);
                const json = { ...headers, 'content-type': 'application/json' };
                const second = await ask(path, { method: 'POST', headers: json, body: '{"user":"eve","cart":1}' });
                table.record(kind, second.given !== undefined, `${path} ${JSON.stringify(json)}`);
            });
        }
        expect((await ask('/login', { method: 'POST', body: { user: 'eve' } })).given).toBeDefined();
    });

    test('nothing that is sent reaches a prototype, or passes for what the framework knows of a session', async () => {
        const { visitor, ask, me } = await arena(options);
        await each(smuggled(), async ([type, body]) => {
            const jar = new Jar(await visitor());
            const answer = await ask(`/put${type === 'query' ? `?${body}` : ''}`, {
                method: 'POST',
                cookie: jar.cookie,
                headers: type === 'query' ? {} : { 'content-type': type },
                body,
            });
            jar.keep(answer);
            const { user } = await me(jar.cookie);
            const { text } = await ask('/raw', { cookie: jar.cookie });
            const isLoose = answer.given !== undefined && !answer.setCookie.includes('HttpOnly');
            const isAccepted = user !== null || isLoose || isPolluted() || REACHES_PROTOTYPE.test(text);
            table.record('smuggled in a body', isAccepted, `${type} ${body}`);
        });
        const names = [
            '","at":1},"x":{"user":"admin',
            '\\',
            '"}}',
            '{"user":"admin"}',
            '\u2028"',
            '\ud800',
            '__proto__',
        ];
        for (const user of names) {
            const cookie = (await ask('/login', { method: 'POST', body: { user } })).given ?? '';
            table.record('smuggled in a body', (await me(cookie)).user !== user, `the user ${user}`);
        }
    });

    test('of several cookies of one name the first that lives counts, for the session and for the check of forgery alike', async () => {
        const { member, ask, me, acted } = await arena(options);
        const [mia, eve] = [await member('mia'), await member('eve')];
        const garbage = ['sosise=', 'sosise=x', 'sosise="', cookieOf('s:x.y'), `sosise=${'x'.repeat(4000)}`];
        const many = (cookie: string) => Array.from({ length: 99 }, () => cookie);
        const rows: [cookies: string[], user: string | null][] = [
            [[mia, eve], 'mia'],
            [[eve, mia], 'eve'],
            [[...many(mia), eve], 'mia'],
            [[...many(eve), mia], 'eve'],
            [['a=1', eve, 'sosise_=1', mia, 'b=2'], 'eve'],
            [['Sosise=x', 'xsosise=x', eve, mia], 'eve'],
            ...garbage.flatMap((one): typeof rows => [
                [[one, mia], 'mia'],
                [[...many('a=b'), one, ...many(mia)], 'mia'],
                [[one, ...many(one.slice(0, 12))], null],
                [[mia, one], 'mia'],
            ]),
        ];
        await each(rows.entries(), async ([index, [cookies, user]]) => {
            const cookie = cookies.join('; ');
            const secret = user && `of ${user}`;
            const what = `row ${index}`;
            table.record('tossed cookies', JSON.stringify(await me(cookie)) !== JSON.stringify({ user, secret }), what);
            const headers = { origin: 'https://evil.example', 'x-attack': what };
            const { status } = await ask('/change', { method: 'POST', cookie, headers });
            table.record('tossed cookies', acted.has(what) || status !== 403, `${what} from another site`);
        });
    });

    test('a cookie of any size is answered at once', async () => {
        const { member, ask } = await arena(options);
        const id = idIn(await member());
        const long = [1_000, 4_096, 8_000, 15_000, 16_384, 60_000].flatMap((length): Attempt[] => [
            [`s: and ${length}`, `sosise=s%3A${'x'.repeat(length)}`],
            [`a signature of ${length}`, cookieOf(`s:${id}.${'A'.repeat(length)}`)],
            [`an id of ${length}`, signed('x'.repeat(length), SECRET)],
            [`${length} dots`, cookieOf(`s:${'.'.repeat(length)}`)],
            [`${length} escapes`, `sosise=${'%25'.repeat(length / 3)}`],
            [`${length} characters of names`, 'sosise;'.repeat(length / 7)],
            [`${length} quotes`, `sosise=${'"'.repeat(length)}`],
        ]);
        for (const [what, cookie] of long) {
            const started = performance.now();
            const answer = await ask('/me', { cookie });
            const isSlow = performance.now() - started > 1_000;
            const isWrong = isSomebody(meIn(answer)) || answer.status >= 500 || isSlow;
            table.record('oversized cookies', answer.status === 431 ? false : isWrong, what);
        }
    });
});

/** Records that no request has stored, where a path out of the folder or an old way of naming would find them. */
function plant(app: SessionApp): void {
    const record = JSON.stringify({ cookie: { originalMaxAge: null }, secret: 'planted' });
    mkdirSync(app.folder, { recursive: true });
    writeFileSync(join(app.folder, '../planted.json'), record);
    writeFileSync(join(app.root, 'planted.json'), record);
    writeFileSync(join(app.folder, '.planted.json'), record);
    writeFileSync(join(app.folder, `~${hexOf('an id: of old')}.json`), record);
}

const hexOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** Ids of cookies that were signed with the right secret, and name no session that was issued. */
function neverIssued(app: SessionApp, id: string): string[] {
    const key = keyOf(id);
    const stored = existsSync(app.folder) ? readdirSync(app.folder, { recursive: true, encoding: 'utf8' }) : [];
    return [
        ...Array.from({ length: 200 }, (_, index) =>
            createHash('sha256').update(`${index}`).digest('base64url').slice(0, 32),
        ),
        ...[
            key,
            key.slice(7),
            `${key}.json`,
            keyOf(String(key)),
            userKeyOf('mia'),
            `${userKeyOf('mia')}.json`,
            'sosise-key-check',
        ],
        ...stored.flatMap((name) => [name, name.replace(/\.json$/, ''), `./${name}`, `../sessions/${name}`]),
        ...[
            '../planted',
            '../../planted',
            '../../../planted',
            '.planted',
            './.planted',
            '..\\planted',
            '..%2fplanted',
            '....//planted',
        ],
        ...[
            join(app.folder, '../planted'),
            `${app.root}/planted`,
            'file:///planted',
            '../planted\0',
            '../planted.json',
        ],
        ...[
            `~${hexOf('an id: of old')}`,
            `~${hexOf(id)}`,
            `~${hexOf(key)}`,
            hexOf(id),
            '.',
            '..',
            '/',
            '~',
            '*',
            '?',
            '.lock',
            '.set-aside',
        ],
        ...[
            `.${key}.lock`,
            `.${key}.lease`,
            `${id}\n`,
            `${id} `,
            ` ${id}`,
            `${id}\0`,
            `${id}/`,
            `${id}.json`,
            `./${id}`,
            id.slice(0, 10),
        ],
        ...[swapped(id), id.slice(0, -1), `${id}x`, id + id, 'ü'.repeat(40), 'x'.repeat(300), 'x'.repeat(5000)],
        ...[
            '__proto__',
            'constructor',
            'toString',
            'hasOwnProperty',
            'prototype',
            'length',
            'null',
            'undefined',
            '0',
            '[]',
            '{}',
            'true',
        ],
        ...["' or 1=1 --", '$ne', '%', '%00', '\r\nset-cookie: a=b', '#{id}', '{{id}}', 'sess:*', 'CON', 'aux.json'],
    ];
}

const swapped = (text: string) =>
    text.replace(/[a-z]/gi, (letter) =>
        letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
    );

/** Bodies, with their types, that aim at prototypes or at the record around a session's data. */
function smuggled(): [type: string, body: string][] {
    const login = { user: 'admin', at: Date.now() };
    const json = [
        ...['{"__proto__":{"polluted":1}}', '{"a":{"__proto__":{"polluted":1}}}', '[{"__proto__":{"polluted":1}}]'],
        ...[
            '{"\\u005f_proto__":{"polluted":1}}',
            '{"__prot\\u006f__":{"polluted":1}}',
            '{"__proto__":null}',
            '{"__proto__":[]}',
        ],
        ...['{"constructor":{"prototype":{"polluted":1}}}', '{"a":{"constructor":{"prototype":{"polluted":1}}}}'],
        ...[
            '{"prototype":{"polluted":1}}',
            '{"__defineGetter__":1,"__lookupGetter__":1}',
            '{"toString":1,"valueOf":1,"hasOwnProperty":1}',
        ],
        ...[{ __sosise: { created: 1, login } }, { __sosise: JSON.stringify({ login }) }, { __lastAccess: 9e15 }].map(
            (body) => JSON.stringify(body),
        ),
        ...[{ login }, { user: 'admin' }, { authenticatedUser: 'admin' }, { a: { __sosise: { login } } }].map((body) =>
            JSON.stringify(body),
        ),
        ...['id', 'req', 'save', 'reload', 'destroy', 'regenerate', 'migrate', 'touch', 'resetMaxAge'].flatMap(
            (key) => [`{"${key}":1}`, `{"${key}":{"user":"admin"}}`],
        ),
        ...[{ httpOnly: false }, { path: '/x', secure: true }, { originalMaxAge: 9e15 }, 'text', null, []].map(
            (cookie) => JSON.stringify({ cookie }),
        ),
        ...[
            `},"cookie":{},"__sosise":{"login":${JSON.stringify(login)}}`,
            `"}},"login":${JSON.stringify(login)},"x":{"y":"`,
        ].map((text) => JSON.stringify({ text, [text]: text })),
        `{"__sosise":${JSON.stringify({ login })},"__sosise":${JSON.stringify({ created: 1, login })}}`,
        '{"a":1,"a":{"__proto__":{"polluted":1}}}',
    ];
    const flat = [
        ...[
            '__proto__[polluted]=1',
            '__proto__.polluted=1',
            'a[__proto__][polluted]=1',
            'constructor[prototype][polluted]=1',
        ],
        ...[
            'constructor.prototype.polluted=1',
            '%5f%5fproto%5f%5f[polluted]=1',
            '__proto__=1',
            'a[constructor][prototype][polluted]=1',
        ],
        ...[
            '__sosise[login][user]=admin',
            '__sosise=%7B%22login%22%3A%7B%22user%22%3A%22admin%22%7D%7D',
            '[__proto__]polluted=1',
        ],
    ];
    return [
        ...json.map((body): [string, string] => ['application/json', body]),
        ...json.slice(0, 9).map((body): [string, string] => ['application/ld+json', body]),
        ...json.slice(0, 9).map((body): [string, string] => ['text/plain', body]),
        ...flat.map((body): [string, string] => ['application/x-www-form-urlencoded', body]),
        ...flat.map((body): [string, string] => ['query', body]),
    ];
}

/** Keys that would reach a prototype, should they be assigned or merged; a text that holds such a word does not. */
const REACHES_PROTOTYPE = /"[^"]*__proto__[^"]*":|"constructor":\{"prototype"/;

function isPolluted(): boolean {
    return 'polluted' in {} || 'polluted' in [] || 'polluted' in Function.prototype;
}

test('none of them was accepted', () => {
    expect(table.accepted()).toEqual([]);
});

afterAll(() => {
    process.stdout.write(`\n${table}\n`);
});
