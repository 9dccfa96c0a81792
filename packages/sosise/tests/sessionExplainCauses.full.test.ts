import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AUDIT, loggedIn, post, registryOf, Site } from './explainSite.js';
import { DeviceBrowser } from './helpers/DeviceBrowser.js';
import { AuditTrail, SessionExplainer } from './helpers/inside/Session/Audit.js';
import { SessionServices } from './helpers/inside/Session/Request.js';
import { travel } from './helpers/inside/Testing.js';
import { type SessionApp, temporaryFolder } from './helpers/sessionApp.js';

const HOUR = 3_600_000;
const SECRETS = ['Test7kQ2vX9mZ4rT8wN3pL6sB1dF5hJ0', 'Test4hG8sW1nY6bC3xR9tM5kV0jP7qD2'] as const;

describe.each([
    ['by tombstones and the configuration alone', {}],
    ['with the audit channel', { logging: AUDIT }],
])('%s', (_name, options) => {
    const isAudited = 'logging' in options;

    test('idle: when it ended, and the setting', async () => {
        travel(0);
        const site = new Site({ ...options, session: { idle: HOUR } });
        const { name } = await loggedIn(await site.start());
        travel('90 minutes');
        expect(await site.cause(name)).toEqual({
            ...(isAudited && { user: '42' }),
            fingerprint: name,
            name: 'idle',
            at: new Date(Date.now() - HOUR / 2).toISOString(),
            sentence: 'Nobody used it any more: the idle timeout, 1 hour unless it had a maxAge of its own.',
            fix: 'idle in src/config/session.ts, else cookie.maxAge.',
        });
    });

    test('absolute: however active it was', async () => {
        const site = new Site({ ...options, session: { idle: HOUR, absolute: 2 * HOUR } });
        const { browser, name } = await loggedIn(await site.start());
        for (let visits = 0; visits < 3; visits += 1) {
            travel('50 minutes');
            await browser.visit('/me');
        }
        expect(await site.cause(name)).toMatchObject({
            name: 'absolute',
            sentence: 'It had lived for the absolute timeout, 2 hours, however active it was.',
            fix: 'absolute in src/config/session.ts.',
        });
    });

    test('destroyed: its visitor logged out', async () => {
        const site = new Site(options);
        const { browser, name } = await loggedIn(await site.start());
        await browser.visit('/logout', post());
        expect(await site.cause(name)).toMatchObject(
            isAudited
                ? { name: 'logout', sentence: 'Its own visitor logged out.' }
                : {
                      name: 'destroyed',
                      sentence: 'Its own visitor ended it: by logout(), or request.session.destroy().',
                  },
        );
    });

    test('replaced: a login above registry.max', async () => {
        const site = new Site({ ...options, session: { registry: { max: 1 } } });
        const app = await site.start();
        const { name } = await loggedIn(app);
        await loggedIn(app);
        expect(await site.cause(name)).toMatchObject({
            name: 'replaced',
            sentence: 'A newer login of the same user ended it: registry.max allows 1.',
            fix: 'registry.max in src/config/session.ts.',
        });
    });

    test('regenerated: by the route, or by the login of another user', async () => {
        const site = new Site(options);
        const app = await site.start();
        const route = await loggedIn(app);
        await route.browser.visit('/regenerate', post());
        const other = await loggedIn(app);
        await other.browser.visit('/login', post({ user: '7' }));
        expect(await site.cause(route.name)).toMatchObject({
            name: 'regenerated',
            sentence: 'request.session.regenerate() put a new session in its place.',
        });
        expect(await site.cause(other.name)).toMatchObject({
            name: 'regenerated',
            sentence: 'A login of user 7 in the same browser put a new session in its place.',
        });
    });

    test('revoked: that it was, and where it can be known by whom', async () => {
        const site = new Site(options);
        const app = await site.start();
        const { name } = await loggedIn(app);
        const other = await loggedIn(app);
        await registryOf(app).revoke('42', { except: name });
        expect((await site.artisan(`session:revoke ${name}`)).code).toBe(0);
        const byConsole = await site.cause(name);
        const byCode = await site.cause(other.name);
        expect([byConsole.name, byCode.name]).toEqual(['revoked', 'revoked']);
        if (isAudited) {
            expect(byConsole).toMatchObject({ user: '42' });
            expect(byConsole.sentence).toMatch(/^It was revoked by \.\/artisan, run as \S+\.$/);
            expect(byCode.sentence).toBe("It was revoked by the application's code, which named no request.");
        } else {
            expect(byConsole.sentence).toBe('It was revoked; by whom, only the audit channel knows, which is off.');
            expect(byConsole.fix).toContain('src/config/logging.ts');
        }
    });

    test('a session that got a new id is followed to its end under the last one', async () => {
        const site = new Site(options);
        const app = await site.start();
        const browser = app.browser();
        await browser.visit('/put', post({ cart: 1 }));
        const before = await browser.json<string>('/fingerprint');
        await browser.visit('/login', post({ user: '42' }));
        const after = await browser.json<string>('/fingerprint');
        await browser.visit('/logout', post());
        expect(await site.cause(before)).toMatchObject({
            fingerprint: before,
            since: after,
            name: isAudited ? 'logout' : 'destroyed',
        });
    });

    test('the cookie has expired in the browser, before the session', async () => {
        travel(0);
        const site = new Site({ ...options, session: { idle: 3 * HOUR, cookie: { maxAge: HOUR } } });
        const { name } = await loggedIn(await site.start());
        travel('2 hours');
        expect(await site.cause(name)).toMatchObject({
            name: 'cookieExpired',
            user: '42',
            at: new Date(Date.now() - HOUR).toISOString(),
            sentence: 'It lives, and its browser has dropped the cookie, which lasted 1 hour.',
            fix: 'cookie.maxAge in src/config/session.ts: as long as idle, or null.',
        });
    });

    test('one that lives is said to live, with the cookie that a browser has to send', async () => {
        const site = new Site(options);
        const { name } = await loggedIn(await site.start());
        expect(await site.cause(name.slice(0, 4))).toMatchObject({
            fingerprint: name,
            name: 'lives',
            user: '42',
            sentence:
                'It lives, and its user is logged in. A browser that shows otherwise does not send its cookie (until the browser closes; Path=/; HttpOnly; SameSite=lax).',
        });
    });

    test('nothing is known: since when the audit log knows, or that it is off', async () => {
        const site = new Site(options);
        await loggedIn(await site.start());
        const { name, sentence, fix } = await site.cause('notFound_1');
        expect(name).toBe('unknown');
        expect(sentence).toMatch(
            isAudited
                ? /^Nothing is known: the store keeps for a day how a session ended, and the audit log of this host begins at \d{4}-\S+Z, without it\.$/
                : /^Nothing is known: the store keeps for a day how a session ended, and the audit channel is off\.$/,
        );
        expect(fix).toEqual(isAudited ? undefined : expect.stringContaining('src/config/logging.ts'));
    });
});

describe('what only the audit channel knows', () => {
    test('revoked by a user: by whom, from which session and address', async () => {
        const site = new Site({ logging: AUDIT });
        const app = await site.start();
        const { name } = await loggedIn(app);
        const own = await loggedIn(app);
        const admin = await loggedIn(app, 'admin');
        await own.browser.visit('/revoke', post({ user: 'nobody' }));
        expect(await admin.browser.json('/revoke', post({ user: '42' }))).toBe(2);
        expect((await site.cause(name)).sentence).toBe(
            `It was revoked by user admin, from the session ${admin.name} (127.0.0.1).`,
        );
    });

    test('revoked together with others, also when no tombstone says so any more', async () => {
        const site = new Site({ logging: AUDIT });
        const app = await site.start();
        const names = [(await loggedIn(app)).name, (await loggedIn(app)).name, (await loggedIn(app)).name];
        expect(await registryOf(app).revoke('42')).toBe(3);
        await app.close();
        site.forget();
        const sentence = "It was revoked by the application's code, which named no request.";
        for (const name of names) {
            expect(await site.cause(name.slice(0, 8))).toMatchObject({ name: 'revoked', user: '42', sentence });
        }
        const explained = await site.explain('--user=42');
        expect(explained.map(({ fingerprint, sentence }) => [fingerprint, sentence]).sort()).toEqual(
            names.map((name) => [name, sentence]).sort(),
        );
    });

    test('revoked by the same user, from another browser', async () => {
        const site = new Site({ logging: AUDIT });
        const app = await site.start();
        const { name } = await loggedIn(app);
        const own = await loggedIn(app);
        await own.browser.visit('/revoke', post({ user: '42' }));
        expect((await site.cause(name)).sentence).toBe(
            `It was revoked by the same user, from the session ${own.name} (127.0.0.1).`,
        );
    });

    test('all that, when the tombstone is gone: also the way from one id to the next', async () => {
        const site = new Site({ logging: AUDIT });
        const app = await site.start();
        const browser = app.browser();
        await browser.visit('/put', post({ cart: 1 }));
        const before = await browser.json<string>('/fingerprint');
        await browser.visit('/login', post({ user: '42' }));
        await browser.visit('/logout', post());
        await app.close();
        site.forget();
        expect(await site.cause(before.slice(0, 5))).toMatchObject({
            fingerprint: before,
            name: 'logout',
            user: '42',
            sentence: 'Its own visitor logged out.',
        });
    });

    test('the secret that signed the cookie is gone, before and after its browser has come', async () => {
        const site = new Site({ logging: AUDIT, session: { secret: SECRETS[0] } });
        const { browser, name } = await loggedIn(await site.start());
        const gone = {
            name: 'secretGone',
            user: '42',
            sentence: 'Its cookie is signed with a secret that is not in use any more, and counts for nothing.',
            fix: expect.stringMatching(/^SESSION_PREVIOUS_SECRETS/),
        };
        expect(await site.cause(name)).toMatchObject({ name: 'lives' });
        const app = await site.start({ secret: SECRETS[1] });
        const started = Date.now();
        const first = await site.cause(name);
        expect(first).toMatchObject(gone);
        expect(Math.abs(Date.parse(first.at as string) - started)).toBeLessThan(5_000);

        const again = await site.start();
        expect(again.url).not.toBe(app.url);
        const returning = again.browser();
        returning.cookies.set('sosise', browser.cookies.get('sosise') as string);
        expect(await returning.json('/me')).toMatchObject({ user: null });
        expect(await site.cause(name)).toMatchObject(gone);

        await site.start({ secret: [SECRETS[1], SECRETS[0]] });
        expect(await site.cause(name), 'with the former secret').toMatchObject({ name: 'lives' });
    });

    test('the driver was switched without a fallback: to which, since when, and what would have kept it', async () => {
        travel(0);
        const site = new Site({ logging: AUDIT });
        const { name } = await loggedIn(await site.start());
        travel('1 minute');
        await site.start({ driver: 'newer' });
        const at = new Date().toISOString();
        travel('1 minute');
        expect(await site.cause(name)).toMatchObject({
            name: 'driverSwitched',
            user: '42',
            at,
            sentence: 'The application started with the driver newer, and the session was kept by file.',
            fix: "fallback: ['file'] in src/config/session.ts.",
        });
    });

    test('no switch is blamed that has moved the session, or came when it can not have lived any more', async () => {
        travel(0);
        const site = new Site({ logging: AUDIT, session: { absolute: HOUR, idle: HOUR } });
        const moved = await loggedIn(await site.start());
        travel('1 minute');
        await site.start({ driver: 'newer', fallback: ['file'] });
        const old = await loggedIn(site.app as SessionApp);
        travel('2 hours');
        await site.start({ driver: 'memory', fallback: [] });
        expect((await site.cause(moved.name)).name).toBe('unknown');
        expect((await site.cause(old.name)).name).toBe('unknown');
    });

    test('no secret is blamed where somebody has made up a signature, until it is gone', async () => {
        travel(0);
        const site = new Site({ logging: AUDIT, session: { secret: SECRETS[0] } });
        const { browser, name } = await loggedIn(await site.start());
        const cookie = decodeURIComponent(browser.cookies.get('sosise') as string);
        const forger = browser.copy();
        forger.cookies.set('sosise', encodeURIComponent(cookie.replace(/[^.]*$/, 'made-up')));
        expect(await forger.json('/me')).toMatchObject({ user: null });
        expect((await site.cause(name)).name).toBe('lives');
        travel('1 minute');
        await site.start({ secret: SECRETS[1] });
        expect(await site.cause(name)).toMatchObject({ name: 'secretGone', at: new Date().toISOString() });
    });

    test('no secret is blamed whose cookies were signed anew before it went', async () => {
        travel(0);
        const cookie = { maxAge: 2 * HOUR };
        const site = new Site({ logging: AUDIT, session: { secret: SECRETS[0], idle: 2 * HOUR, cookie } });
        const { browser, name } = await loggedIn(await site.start());
        travel('1 hour');
        const app = await site.start({ secret: [SECRETS[1], SECRETS[0]] });
        const returning = app.browser();
        returning.cookies.set('sosise', browser.cookies.get('sosise') as string);
        expect(await returning.json('/me')).toMatchObject({ user: '42' });
        travel('1 hour');
        await site.start({ secret: SECRETS[1] });
        expect((await site.cause(name)).name).toBe('lives');
    });

    test('the memory driver started anew', async () => {
        travel(0);
        const site = new Site({ logging: AUDIT, session: { driver: 'memory' } });
        const { name } = await loggedIn(await site.start());
        travel('1 minute');
        await site.start();
        expect(await site.cause(name)).toMatchObject({
            name: 'restarted',
            at: new Date().toISOString(),
            sentence: 'The application started anew, and the driver memory keeps sessions in the process alone.',
        });
    });

    test('the cookie was never sent: secure, over plain http', async () => {
        const site = new Site({ logging: AUDIT, environment: 'production', session: { name: undefined } });
        const app = await site.start();
        expect((await app.browser().visit('/login', post({ user: '42' }))).status).toBe(503);
        const [explained] = await site.explain('--user=42');
        expect(explained).toMatchObject({
            name: 'cookieNotSent',
            user: '42',
            sentence: 'Its cookie was never sent: it is secure, and the request came over plain http.',
            fix: 'Serve https; for a trial without it SESSION_SECURE=false in .env.',
        });
    });

    test('the cookie was never sent: a proxy that is not trusted says https', async () => {
        const site = new Site({ logging: AUDIT, environment: 'production', session: { name: undefined } });
        const app = await site.start();
        await app.browser().visit('/login', post({ user: '42' }, { 'x-forwarded-proto': 'https' }));
        const [explained] = await site.explain('--user=42');
        expect(explained?.sentence).toMatch(/the proxy that says the request came over https is not trusted/);
        expect(explained?.fix).toMatch(/^TRUST_PROXY/);
    });

    test('the cookie was never sent: another site caused the request', async () => {
        const site = new Site({ logging: AUDIT, http: { csrf: { exempt: [] } } });
        const app = await site.start();
        await app.browser().visit('/put', post({ cart: 1 }, { 'sec-fetch-site': 'cross-site' }));
        await app.close();
        expect(site.names('cookieNotSent')).toHaveLength(1);
        const [name] = site.names('cookieNotSent');
        expect((await site.cause(name as string)).sentence).toMatch(/^Its cookie was never sent: another site caused/);
    });

    test('the cookie was never sent: the answer had begun', async () => {
        const site = new Site({ logging: AUDIT });
        const app = await site.start();
        const name = (await (await app.browser().visit('/late', post())).text()).slice('begun'.length);
        expect(await site.cause(name)).toMatchObject({
            name: 'cookieNotSent',
            sentence: 'Its cookie was never sent: the answer had begun before the session was changed.',
        });
    });

    test('a session that lives came without the cookie that proves its device, the last time', async () => {
        travel(0);
        const site = new Site({ logging: AUDIT, session: { deviceBound: true, idle: HOUR } });
        const app = await site.start();
        const device = new DeviceBrowser(app.url);
        await device.visit('/login', post({ user: '42' }));
        const name = await device.json<string>('/fingerprint');
        const thief = device.copy();
        thief.cookies.delete('sosise-device');
        travel('1 minute');
        expect(await thief.json('/me')).toMatchObject({ user: null });
        expect(await site.cause(name)).toMatchObject({ name: 'withoutDevice', user: '42' });
        const again = await site.start();
        const owner = new DeviceBrowser(again.url);
        Object.assign(owner, { key: device.key, bound: device.bound });
        for (const [cookie, value] of device.cookies) {
            owner.cookies.set(cookie, value);
        }
        travel('5 minutes');
        expect(await owner.json('/me')).toMatchObject({ user: '42' });
        expect(await site.cause(name)).toMatchObject({ name: 'lives' });
    });

    test('of a session that has left no trace of its end, it says where it was named last', async () => {
        const site = new Site({ logging: AUDIT });
        const { name } = await loggedIn(await site.start());
        await site.app?.close();
        site.forget();
        expect((await site.cause(name)).sentence).toMatch(
            /and the audit log of this host names it last at \d{4}-\S+Z \(loggedIn\)\.$/,
        );
    });
});

describe('of a user', () => {
    test('the latest sessions, each with its cause, the latest first', async () => {
        travel(0);
        const site = new Site({ logging: AUDIT });
        const app = await site.start();
        const first = await loggedIn(app);
        travel('1 minute');
        const second = await loggedIn(app);
        await loggedIn(app, '7');
        travel('1 minute');
        await first.browser.visit('/logout', post());
        const found = await site.explain('--user=42');
        expect(found.map(({ fingerprint, name }) => [fingerprint, name])).toEqual([
            [first.name, 'logout'],
            [second.name, 'lives'],
        ]);
    });

    test('without the audit channel those that the list in the store still names', async () => {
        const site = new Site({ session: { idle: HOUR } });
        const app = await site.start();
        const { name } = await loggedIn(app);
        travel('2 hours');
        const { name: later } = await loggedIn(app);
        const found = await site.explain('--user=42');
        expect(found.map((one) => [one.fingerprint, one.name])).toEqual([
            [later, 'lives'],
            [name, 'idle'],
        ]);
        expect(await site.artisan('session:explain --user=nobody')).toMatchObject({
            code: 0,
            output: `Nothing is known of sessions of user nobody: the list in the store names none, and the audit channel is off.
Setting: audit: { file: 'audit.log' } under channels in src/config/logging.ts, for the next time.\n`,
        });
        expect(await new Site({ logging: AUDIT }).artisan('session:explain --user=nobody')).toMatchObject({
            output: 'Nothing is known of sessions of user nobody.\n',
        });
    });
});

describe('the command', () => {
    test('prints what a person reads: the session, its user, the cause, when it was and the setting', async () => {
        travel(0);
        const site = new Site({ logging: AUDIT, session: { idle: HOUR } });
        const { name } = await loggedIn(await site.start(), 'eve\u001b[2J');
        travel('90 minutes');
        const { output } = await site.artisan(`session:explain ${name}`);
        expect(output.split('\n')).toEqual([
            `  Session  ${name}`,
            '  User     eve\\u{1b}[2J',
            '  Cause    Nobody used it any more: the idle timeout, 1 hour unless it had a maxAge of its own.',
            `  When     30 min ago, ${new Date(Date.now() - HOUR / 2).toISOString()}`,
            '  Setting  idle in src/config/session.ts, else cookie.maxAge.',
            '',
        ]);
    });

    test.each(['', 'abcd --user=42', 'ab', '--user='])('refuses what does not say which session: %s', async (line) => {
        expect((await new Site().artisan(`session:explain ${line}`)).code).toBe(2);
    });

    test('asks for more of a fingerprint that several begin with', async () => {
        const site = new Site();
        const app = await site.start();
        const names = new Map<string, string>();
        let twin: string | undefined;
        while (twin === undefined) {
            const { name } = await loggedIn(app);
            const beginning = name.slice(0, 1);
            twin = names.has(beginning) ? beginning : undefined;
            names.set(beginning, name);
        }
        const explainer = new SessionExplainer(app.app.container.make(SessionServices), {
            isOn: false,
            trail: undefined,
        });
        await expect(explainer.ofFingerprint(twin)).rejects.toThrow(/^Several sessions begin with/);
    });

    test('says of a store that no command can search that it was not searched', async () => {
        const site = new Site({ session: { driver: 'memory' } });
        const { name } = await loggedIn(await site.start());
        expect((await site.cause(name)).sentence).toBe(
            'Nothing is known: no command can search the store of the driver memory, and the audit channel is off.',
        );
    });

    test('changes nothing, and writes no start into the audit log', async () => {
        const site = new Site({ logging: AUDIT });
        const { name } = await loggedIn(await site.start());
        await site.cause(name);
        const before = readFileSync(join(site.root, 'storage/logs/audit.log'), 'utf8');
        await site.cause(name);
        expect(readFileSync(join(site.root, 'storage/logs/audit.log'), 'utf8')).toBe(before);
    });
});

describe('the audit trail', () => {
    test('is read from the end, through the files that rotation has kept, and lines in parts', async () => {
        const folder = temporaryFolder();
        const line = (at: number, more = '') =>
            `{"timestamp":"${new Date(at).toISOString()}","level":"info","channel":"audit","message":"m${more}","context":{"event":"loggedIn","user":"${at}"}}\n`;
        const times = Array.from({ length: 3_000 }, (_, index) => 1_700_000_000_000 + index * 1_000);
        const lines = times.map((at, index) => line(at, 'x'.repeat(index === 2_000 ? 600_000 : index % 700)));
        writeFileSync(join(folder, 'audit.2.log'), lines.slice(0, 900).join(''));
        writeFileSync(join(folder, 'audit.1.log'), lines.slice(900, 1_500).join(''));
        writeFileSync(join(folder, 'audit.log'), `${lines.slice(1_500).join('')}{"timestamp":"2026-`);
        const trail = new AuditTrail({ folder, file: 'audit.log', maxFiles: 3 });
        const read: number[] = [];
        for await (const { at } of trail.entries(() => true)) {
            read.push(at);
        }
        expect(read).toEqual([...times].reverse());
        expect(trail.since).toBe(times[0]);
    });

    test('leaves lines of other channels alone, whatever they hold, and what is cut off', async () => {
        const folder = temporaryFolder();
        const line = (channel: string) =>
            `{"timestamp":"2026-01-01T00:00:00.000Z","level":"info","channel":"${channel}","message":"m","context":{"event":"loggedIn","channel":"audit"}}`;
        writeFileSync(
            join(folder, 'app.log'),
            [line('x'), 'not JSON "channel":"audit"', line('audit'), '{'].join('\n'),
        );
        const read: unknown[] = [];
        for await (const { event } of new AuditTrail({ folder, file: 'app.log', maxFiles: 1 }).entries(() => true)) {
            read.push(event);
        }
        expect(read).toEqual(['loggedIn']);
    });

    test("reads a line of the application's own, whatever it calls fingerprints", async () => {
        const folder = temporaryFolder();
        const line = (context: object) =>
            JSON.stringify({ timestamp: new Date().toISOString(), level: 'info', channel: 'audit', context });
        const own = [
            { event: 'paid', fingerprints: 'abc' },
            { event: 'paid', fingerprints: 3 },
        ];
        const ours = { event: 'revoked', fingerprints: ['one', 'two'] };
        writeFileSync(join(folder, 'audit.log'), [...own, ours].map(line).join('\n'));
        const read: unknown[] = [];
        const trail = new AuditTrail({ folder, file: 'audit.log', maxFiles: 1 });
        for await (const { event, fingerprint } of trail.entries(() => true)) {
            read.push([event, fingerprint]);
        }
        expect(read).toEqual([
            ['revoked', 'one'],
            ['revoked', 'two'],
            ['paid', undefined],
            ['paid', undefined],
        ]);
    });

    test('asks for more of a fingerprint with which several of its lines begin', async () => {
        const app = await new Site().start();
        const folder = temporaryFolder();
        const line = (name: string) =>
            `{"timestamp":"2026-01-01T00:00:00.000Z","level":"info","channel":"audit","message":"m","context":{"event":"loggedIn","fingerprint":"${name}"}}\n`;
        writeFileSync(join(folder, 'audit.log'), ['abcdefghi1', 'abcdefghi2', 'abcdxxxxx3'].map(line).join(''));
        const trail = new AuditTrail({ folder, file: 'audit.log', maxFiles: 1 });
        const explainer = new SessionExplainer(app.app.container.make(SessionServices), { isOn: true, trail });
        await expect(explainer.ofFingerprint('abcd')).rejects.toThrow(/^Several sessions begin with abcd/);
        expect((await explainer.ofFingerprint('abcdx')).fingerprint).toBe('abcdxxxxx3');
    });
});
