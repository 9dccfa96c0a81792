import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
    fingerprint,
    loginFailed,
    requireLogin,
    requireRecentLogin,
    SessionEvents,
    SessionRegistry,
    StoredSessions,
} from 'sosise';
import { expect, test } from 'vitest';
import { artisanOn } from './artisanOn.js';
import type { Browser } from './helpers/Browser.js';
import { DeviceBrowser } from './helpers/DeviceBrowser.js';
import { fingerprintOf, keyOf } from './helpers/inside/Session/Record.js';
import { travel } from './helpers/inside/Testing.js';
import { memberRoutes } from './helpers/loginRoutes.js';
import { type SessionApp, type SessionAppOptions, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

interface Line {
    timestamp: string;
    level: string;
    channel?: string;
    message: string;
    context: Record<string, unknown>;
}

const HOUR = 3_600_000;
const AUDIT = { channels: { audit: { file: 'audit.log' } } };
const post = (body: unknown = {}, headers: Record<string, string> = {}) => ({ method: 'POST', body, headers });

interface AuditedApp extends SessionApp {
    /** The lines of the audit channel without that of the start, once the application has stopped. */
    lines(): Promise<Line[]>;
}

async function auditedApp(options: SessionAppOptions = {}): Promise<AuditedApp> {
    const app: SessionApp = await sessionApp({
        logging: AUDIT,
        ...options,
        routes: (router) => {
            memberRoutes(router);
            const registry = () => app.app.container.make(SessionRegistry);
            router.get('/fingerprint', (request, response) => void response.json(fingerprint(request) ?? null));
            router.get('/members', requireLogin(), (_request, response) => void response.json('members'));
            router.get('/vault', requireRecentLogin({ minutes: 5 }), (_request, response) => {
                response.json('vault');
            });
            router.post('/try', (request, response) => {
                loginFailed(request, request.body.user);
                response.status(401).json('wrong');
            });
            router.post('/revoke-others', async (request, response) => {
                response.json(await registry().revoke(request.body.user, { except: request }));
            });
            router.post('/revoke-one', async (request, response) => {
                response.json(await registry().revokeOne(request.body.user, request.body.name, { by: request }));
            });
            router.post('/revoke-stored', async (request, response) => {
                const stored = app.app.container.make(StoredSessions);
                response.json(await stored.revoke(request.body.name, { by: request }));
            });
        },
    });
    const lines = async () => {
        await app.close();
        return linesIn(app.root).filter(({ context }) => context['event'] !== 'started');
    };
    return { ...app, lines };
}

function linesIn(root: string, file = 'audit.log'): Line[] {
    const text = readFileSync(join(root, 'storage/logs', file), 'utf8');
    return text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Line);
}

async function loggedIn(app: SessionApp, user = '42'): Promise<{ browser: Browser; name: string }> {
    const browser = app.browser();
    await browser.visit('/login', post({ user }));
    return { browser, name: await browser.json<string>('/fingerprint') };
}

/** Somebody who knows the id of a session, and not the secret. */
function forgerOf(browser: Browser): Browser {
    const forger = browser.copy();
    const cookie = decodeURIComponent(browser.cookies.get('sosise') as string);
    forger.cookies.set('sosise', encodeURIComponent(cookie.replace(/[^.]*$/, 'forged')));
    return forger;
}

test('who logs in and out is a line each, in UTC, with the user, the session, the request and the address', async () => {
    const app = await auditedApp();
    const browser = app.browser();
    const answer = await browser.visit('/login', post({ user: '42' }));
    const name = await browser.json<string>('/fingerprint');
    await browser.visit('/logout', post());
    const [first, second, ...others] = await app.lines();
    expect(others).toEqual([]);
    expect(first).toEqual({
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        level: 'info',
        channel: 'audit',
        message: 'A user logged in.',
        context: {
            event: 'loggedIn',
            fingerprint: name,
            user: '42',
            requestId: answer.headers.get('x-request-id'),
            address: '127.0.0.1',
        },
    });
    expect(second).toMatchObject({
        message: 'A user logged out.',
        context: { event: 'ended', reason: 'logout', fingerprint: name, user: '42', address: '127.0.0.1' },
    });
});

test('a login in a session of a visitor says which one that was, and a visitor who never logs in has no line', async () => {
    const app = await auditedApp();
    const browser = app.browser();
    await browser.visit('/put', post({ cart: 1 }));
    const before = await browser.json<string>('/fingerprint');
    await browser.visit('/login', post({ user: '42' }));
    const after = await browser.json<string>('/fingerprint');
    const other = app.browser();
    await other.visit('/put', post({ cart: 1 }));
    await other.visit('/logout', post());
    expect((await app.lines()).map(({ context }) => context)).toMatchObject([
        { event: 'migrated', fingerprint: before, to: after, user: '42' },
        { event: 'loggedIn', fingerprint: after, user: '42' },
    ]);
});

test('behind a trusted proxy the address is that of its client', async () => {
    const app = await auditedApp({ http: { trustProxy: 1 } });
    await app.browser().visit('/login', post({ user: '42' }, { 'x-forwarded-for': '203.0.113.7' }));
    expect((await app.lines()).map(({ context }) => context['address'])).toEqual(['203.0.113.7']);
});

test('a session that is revoked says by whom: a user, from which session and where', async () => {
    const app = await auditedApp();
    const owner = await loggedIn(app);
    const admin = await loggedIn(app, 'admin');
    const others = [await loggedIn(app), await loggedIn(app), await loggedIn(app)];
    await admin.browser.visit('/revoke-one', post({ user: '42', name: others[0]?.name }));
    await admin.browser.visit('/revoke-stored', post({ name: others[1]?.name }));
    expect(await owner.browser.json('/revoke-others', post({ user: '42' }))).toBe(1);
    const revoked = (await app.lines()).slice(5);
    const byAdmin = { by: 'request', byUser: 'admin', byFingerprint: admin.name, address: '127.0.0.1' };
    expect(revoked).toMatchObject([
        { message: 'A session of a user was revoked.', context: { fingerprint: others[0]?.name, ...byAdmin } },
        { context: { fingerprint: others[1]?.name, user: '42', ...byAdmin } },
        { context: { fingerprint: others[2]?.name, by: 'request', byUser: '42', byFingerprint: owner.name } },
    ]);
});

test('the sessions of a user that one call ends are a line for the first, and one for the others, with their number and names', async () => {
    const app = await auditedApp();
    const owner = await loggedIn(app);
    const names = [(await loggedIn(app)).name, (await loggedIn(app)).name, (await loggedIn(app)).name];
    const bob = await loggedIn(app, 'bob');
    expect(await owner.browser.json('/revoke-others', post({ user: '42' }))).toBe(3);
    await app.app.container.make(SessionRegistry).revokeAll();
    const revoked = (await app.lines()).slice(5);
    expect(revoked).toHaveLength(4);
    const byOwner = { event: 'revoked', user: '42', reason: 'revoked', by: 'request', byUser: '42' };
    const more = revoked.find(({ context }) => context['count'] !== undefined);
    expect(more?.message).toBe('2 more sessions of a user were revoked.');
    expect(more?.context).toMatchObject({ ...byOwner, byFingerprint: owner.name, address: '127.0.0.1', count: 2 });
    expect(more?.context['fingerprint']).toBeUndefined();
    const first = revoked.find(({ context }) => context['fingerprint'] === names[0]);
    expect(first?.context).toMatchObject(byOwner);
    expect(more?.context['fingerprints']).toEqual(names.slice(1));
    const byCode = revoked.filter(({ context }) => context['by'] === 'application');
    expect(byCode.map(({ context }) => [context['user'], context['fingerprint']]).sort()).toEqual(
        [
            ['42', owner.name],
            ['bob', bob.name],
        ].sort(),
    );
});

test('ten thousand sessions of a user are a line for each hundred, and each of them is named', async () => {
    const app = await auditedApp();
    const { channels } = app.app.container.make(SessionEvents);
    const all = Array.from({ length: 10_000 }, (_, index) => keyOf(String(index)));
    for (const key of all) {
        channels.revoked?.emit({ key, user: '42', reason: 'revoked', by: 'application' });
        channels.revoked?.emit({ key, user: undefined, reason: 'revoked', by: 'application' });
    }
    const lines = await app.lines();
    expect(lines).toHaveLength(101);
    const names = lines.flatMap(({ context }) => context['fingerprints'] ?? context['fingerprint']);
    expect(names).toEqual(all.map(fingerprintOf));
});

test('by the console, with the account that ran it; by other code of the application, that it was', async () => {
    const root = temporaryFolder();
    const app = await auditedApp({ root });
    const { name } = await loggedIn(app);
    const other = await loggedIn(app);
    const artisan = artisanOn({ root, logging: AUDIT });
    expect(await artisan(`session:revoke ${name}`)).toMatchObject({ code: 0 });
    await app.app.container.make(SessionRegistry).revoke('42');
    const revoked = (await app.lines()).filter(({ context }) => context['event'] === 'revoked');
    expect(revoked).toHaveLength(2);
    expect(revoked.find(({ context }) => context['fingerprint'] === name)?.context).toEqual({
        event: 'revoked',
        fingerprint: name,
        user: '42',
        reason: 'revoked',
        by: 'console',
        byUser: expect.stringMatching(/\S/),
    });
    expect(revoked.find(({ context }) => context['fingerprint'] === other.name)?.context).toEqual({
        event: 'revoked',
        fingerprint: other.name,
        user: '42',
        reason: 'revoked',
        by: 'application',
    });
});

test('an end by time is a line when it is seen, which says when it was', async () => {
    const app = await auditedApp({ session: { idle: HOUR } });
    const { name } = await loggedIn(app);
    travel('3 hours');
    await app.app.container.make(StoredSessions).prune(undefined, { whole: true });
    const [, ended, ...others] = await app.lines();
    expect(others).toEqual([]);
    expect(ended?.context).toMatchObject({ event: 'ended', reason: 'idle', fingerprint: name, user: '42' });
    const at = Date.parse(String(ended?.context['endedAt']));
    expect(Math.abs(Date.now() - 2 * HOUR - at)).toBeLessThan(60_000);
});

test('who is refused is a warning, with the reason: no login, one too long ago, another site, a forged cookie, one login too many', async () => {
    const app = await auditedApp({ session: { registry: { max: 1, whenFull: 'refuse' } } });
    const stranger = app.browser();
    expect((await stranger.visit('/members')).status).toBe(401);
    const { browser, name } = await loggedIn(app);
    expect((await browser.visit('/put', post({}, { 'sec-fetch-site': 'cross-site' }))).status).toBe(403);
    expect((await stranger.visit('/login', post({ user: '42' }))).status).toBe(409);
    const forger = forgerOf(browser);
    await forger.visit('/me');
    travel('10 minutes');
    expect((await browser.visit('/vault')).status).toBe(401);
    const refused = (await app.lines()).filter(({ level }) => level === 'warning');
    expect(refused.map(({ message, context }) => [message, context['reason']])).toEqual(
        ['login', 'csrf', 'limit', 'signature', 'login'].map((reason) => ['A request was refused.', reason]),
    );
    expect(refused.map(({ context }) => [context['fingerprint'], context['user']])).toEqual([
        [undefined, undefined],
        [name, undefined],
        [undefined, '42'],
        [name, undefined],
        [name, '42'],
    ]);
    for (const { context } of refused) {
        expect(context).toMatchObject({ event: 'refused', address: '127.0.0.1', requestId: expect.any(String) });
    }
});

test('a bound session that comes without its device is refused once, as that', async () => {
    const app = await auditedApp({ session: { deviceBound: true } });
    const device = new DeviceBrowser(app.url);
    await device.visit('/login', post({ user: '42' }));
    const name = await device.json<string>('/fingerprint');
    const thief = device.copy();
    thief.cookies.delete('sosise-device');
    expect((await thief.visit('/members')).status).toBe(401);
    const [line, ...others] = (await app.lines()).filter(({ level }) => level === 'warning');
    expect(others).toEqual([]);
    expect(line?.context).toMatchObject({ reason: 'device', fingerprint: name, user: '42' });
});

test('a wrong password is a warning, with the user where there is one of that name, and never with what was typed', async () => {
    const app = await auditedApp();
    const browser = app.browser();
    await browser.visit('/try', post({ user: '42', password: 'typed-canary' }));
    await browser.visit('/try', post({ password: 'typed-canary' }));
    const lines = await app.lines();
    expect(lines.map(({ level, context }) => [level, context['reason'], context['user']])).toEqual([
        ['warning', 'password', '42'],
        ['warning', 'password', undefined],
    ]);
    expect(JSON.stringify(lines)).not.toContain('canary');
});

test('a cookie that could not be sent is a warning, with the user of the login that failed', async () => {
    const app = await auditedApp({ environment: 'production', session: { name: undefined } });
    expect((await app.browser().visit('/login', post({ user: '42' }))).status).toBe(503);
    const [line, ...others] = await app.lines();
    expect(others).toEqual([]);
    expect(line).toMatchObject({
        level: 'warning',
        message: 'A session cookie was not sent.',
        context: { event: 'cookieNotSent', reason: 'insecure', user: '42', address: '127.0.0.1' },
    });
});

test('a flood of refusals leaves a hundred lines a minute of each kind, and the number of the others', async () => {
    travel(0); // all within one minute
    const app = await auditedApp();
    const forger = app.browser();
    forger.cookies.set('sosise', 's%3Aforged.AAA');
    for (let count = 0; count < 130; count += 1) {
        await forger.visit('/me');
    }
    expect((await forger.visit('/members')).status).toBe(401);
    const lines = await app.lines();
    expect(lines).toHaveLength(102);
    expect(lines[100]?.context).toMatchObject({ reason: 'login' });
    expect(lines.at(-1)).toMatchObject({
        message: '31 more within a minute, without a line each.',
        context: { event: 'refused', reason: 'signature' },
    });
});

test('a start says the driver and a tag for each secret, which says nothing of it', async () => {
    const secrets = ['Test7kQ2vX9mZ4rT8wN3pL6sB1dF5hJ0', 'Test4hG8sW1nY6bC3xR9tM5kV0jP7qD2'];
    const root = temporaryFolder();
    for (const secret of [secrets, [...secrets].reverse()]) {
        await (await sessionApp({ root, logging: AUDIT, session: { secret } })).close();
    }
    const [first, second, ...others] = linesIn(root);
    expect(others).toEqual([]);
    const tags = first?.context['signedBy'] as string[];
    expect(first).toMatchObject({ message: 'The application started.', context: { event: 'started', driver: 'file' } });
    expect(second?.context['signedBy']).toEqual([...tags].reverse());
    for (const [index, tag] of tags.entries()) {
        expect(tag).toMatch(/^[\w-]{8}$/);
        expect(secrets[index]).not.toContain(tag.slice(0, 4));
    }
});

test('no id, no cookie, no secret and nothing of what a session holds is in any line', async () => {
    const app = await auditedApp({ session: { secret: 'canary-4f9d1c7e5b3a2860-Test7kQ2vX9mZ4' } });
    const { browser } = await loggedIn(app);
    await browser.visit('/put', post({ note: 'canary-note' }));
    const cookie = decodeURIComponent(browser.cookies.get('sosise') as string);
    const forger = forgerOf(browser);
    await forger.visit('/me?canary-query');
    await browser.visit('/logout', post());
    await app.lines();
    const text = readdirSync(join(app.root, 'storage/logs'))
        .map((file) => readFileSync(join(app.root, 'storage/logs', file), 'utf8'))
        .join('');
    expect(text).toContain('"reason":"signature"');
    expect(text).not.toContain('canary');
    for (const part of cookie.slice(2).split('.')) {
        expect(text).not.toContain(part);
    }
});

test('what a client makes up can not forge a line: one event is one line, and its text is escaped', async () => {
    const user = 'eve\n{"timestamp":"2026-01-01T00:00:00.000Z","level":"info","channel":"audit"}\u001b[2J\u2028';
    const app = await auditedApp();
    await loggedIn(app, user);
    const [line, ...others] = await app.lines();
    expect(others).toEqual([]);
    expect(line?.context['user']).toBe(user);
    expect(readFileSync(join(app.root, 'storage/logs/audit.log'), 'utf8')).not.toMatch(/[^\P{Cc}\n]|\p{Zl}/u);
});

test('is off until the configuration names the channel: no line, no listener', async () => {
    const app = await auditedApp({ logging: {} });
    await loggedIn(app);
    const forger = app.browser();
    forger.cookies.set('sosise', 's%3Aforged.AAA');
    await forger.visit('/me');
    expect(app.app.container.make(SessionEvents).channels.isHeard).toBe(false);
    await app.close();
    const files = existsSync(join(app.root, 'storage/logs')) ? readdirSync(join(app.root, 'storage/logs')) : [];
    const lines = files.flatMap((file) => linesIn(app.root, file));
    expect(lines.filter(({ channel }) => channel === 'audit')).toEqual([]);
});

test('without a file of its own it is in the log of all', async () => {
    const app = await auditedApp({ logging: { channels: { audit: {} } } });
    await loggedIn(app);
    await app.close();
    const audit = linesIn(app.root, 'app.log').filter(({ channel }) => channel === 'audit');
    expect(audit.map(({ context }) => context['event'])).toEqual(['started', 'loggedIn']);
});

test('is whole, however little else is logged, unless it has a level of its own', async () => {
    const events = async (logging: Record<string, unknown>) => {
        const app = await auditedApp({ logging });
        await loggedIn(app);
        await app.browser().visit('/members');
        const lines = await app.lines();
        expect(existsSync(join(app.root, 'storage/logs/app.log'))).toBe(false);
        return lines.map(({ context }) => context['event']);
    };
    expect(await events({ ...AUDIT, level: 'critical' })).toEqual(['loggedIn', 'refused']);
    const own = { channels: { audit: { ...AUDIT.channels.audit, level: 'warning' } }, level: 'critical' };
    expect(await events(own)).toEqual(['refused']);
});
