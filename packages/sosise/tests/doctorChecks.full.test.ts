import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import session from 'express-session';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { artisanOn } from './artisanOn.js';
import type { Check } from './helpers/inside/Doctor.js';
import { SessionFileNames } from './helpers/inside/Session/Stores/File.js';
import { onRedis } from './helpers/onRedis.js';
import { SECRET, type SessionAppOptions, SessionManager, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

interface Report {
    code: number;
    /** What was printed beside the report. */
    errors: string;
    ok: boolean;
    checks: Check[];
    /** The checks of this name. */
    of(name: string): Check[];
    /** The names and states of all that is not ok. */
    wrong: string[];
}

/** The doctor's report on an application with these options. */
async function report(options: SessionAppOptions = {}, line = 'session:doctor --json'): Promise<Report> {
    const { code, output, errors } = await artisanOn(options)(line);
    const { ok, checks } = JSON.parse(output) as { ok: boolean; checks: Check[] };
    const wrong = checks.filter(({ status }) => status !== 'ok');
    for (const { text, fix } of wrong) {
        expect(fix, text).toBeTruthy();
    }
    expect(output).not.toContain(SECRET);
    return {
        code,
        errors,
        ok,
        checks,
        of: (name) => checks.filter((check) => check.name === name),
        wrong: wrong.map(({ name, status }) => `${name}: ${status}`),
    };
}

function sessionsFolder(): { root: string; folder: string } {
    const root = temporaryFolder();
    const folder = join(root, 'storage/sessions');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return { root, folder };
}

const rightsOf = (path: string) => statSync(path).mode & 0o777;

beforeEach(() => {
    vi.stubEnv('SESSION_SECRET', SECRET);
    vi.stubEnv('WEB_CONCURRENCY', undefined);
});

afterEach(() => {
    vi.unstubAllEnvs();
});

describe('./artisan session:doctor', () => {
    test('prints a line for each thing, its fix below it, and the sum; it makes nothing', async () => {
        const root = temporaryFolder();
        const options: SessionAppOptions = { root, session: { pruneIntervalMs: 0 } };
        const { code, output, errors } = await artisanOn(options)('session:doctor');
        expect([code, errors]).toEqual([0, '']);
        expect(output).toMatch(/^ok {7}Sessions {8}On, with the driver file\.\n/);
        expect(output).toMatch(
            /\nok {7}Secret {10}32 characters that nobody guesses, from the real environment \(SESSION_S/,
        );
        expect(output).toMatch(
            /\nok {7}Lifetime {8}A session ends after 2 hours without a request, and 7 days after its /,
        );
        expect(output).toMatch(
            /\nwarning {2}Pruning {9}It is off.*\n {25}Fix: Take pruneIntervalMs: 0 out of src\/config/,
        );
        expect(output).toMatch(
            /\nok {7}Folder {10}.*storage\/sessions is not there yet: it is made at the first start/,
        );
        expect(output).toMatch(/\n\nSessions will work here: 1 warning\.\n$/);
        expect(existsSync(join(root, 'storage'))).toBe(false);
    });

    test('where sessions are off says how to turn them on, and goes on', async () => {
        const { code, wrong, of, ok } = await report({ session: { enabled: false, secret: undefined } });
        expect([code, ok, wrong]).toEqual([0, true, ['Sessions: warning', 'Secret: warning']]);
        expect(of('Sessions')[0]?.fix).toBe('Set enabled to true in src/config/session.ts.');
        expect(of('Free space')).toHaveLength(1);
    });

    test('a config that is wrong as a whole is told in its own sentence', async () => {
        const { code, output, errors } = await artisanOn({ session: { idel: 4 } })('session:doctor');
        expect([code, output]).toEqual([1, '']);
        expect(errors).toBe('src/config/session.ts: idel is not a known key: did you mean idle?\n');
    });

    test('a driver that there is not is wrong use; one in the config is a problem', async () => {
        const { code, errors } = await artisanOn()('session:doctor --driver=rdis');
        expect([code, errors]).toEqual([2, 'There is no session driver rdis: did you mean redis?\n']);
        const { code: one, of } = await report({ session: { driver: 'mongo' } });
        expect([one, of('Driver [mongo]')[0]?.status]).toEqual([1, 'problem']);
    });

    describe('about the secret', () => {
        test('a weak one is a problem in production, though nothing can start with it, and a warning in development', async () => {
            vi.stubEnv('SESSION_SECRET', 'keyboard cat');
            const weak = { session: { secret: 'keyboard cat' } };
            const production = await report({ ...weak, environment: 'production' });
            expect([production.code, production.ok, production.wrong]).toEqual([
                1,
                false,
                ['Secret: problem', 'Proxies: warning'],
            ]);
            expect(production.errors).toBe('Sessions will not work here: 1 problem, 1 warning.\n');
            expect(production.of('Secret')[0]?.text).toMatch(
                /^It is .* \(from the real environment \(SESSION_SECRET\)\)/,
            );
            const development = await report({ ...weak, environment: 'development' });
            expect([development.code, development.wrong]).toEqual([0, ['Secret: warning']]);
        });

        test('a missing one is a problem in production', async () => {
            const { code, of } = await report({ environment: 'production', session: { secret: undefined } });
            expect([code, of('Secret')[0]?.status]).toEqual([1, 'problem']);
            expect(of('Secret')[0]?.fix).toMatch(/^Run \.\/artisan key:generate/);
        });

        test('says whether it is from .env, which others may read in production, or from the code', async () => {
            vi.stubEnv('SESSION_SECRET', undefined);
            const root = temporaryFolder();
            writeFileSync(join(root, '.env'), `SESSION_SECRET=${SECRET}\n`, { mode: 0o600 });
            expect((await report({ root })).of('Secret')[0]?.text).toMatch(/from \.env \(SESSION_SECRET\)\.$/);
            writeFileSync(join(root, 'secret'), `${SECRET}\n`);
            vi.stubEnv('SESSION_SECRET_FILE', join(root, 'secret'));
            expect((await report()).of('Secret')[0]?.text).toMatch(/real environment \(SESSION_SECRET_FILE\)\.$/);
            vi.stubEnv('SESSION_SECRET_FILE', undefined);
            chmodSync(join(root, '.env'), 0o644);
            const open = await report({ root, environment: 'production' });
            expect(open.of('Secret').map(({ status }) => status)).toEqual(['ok', 'warning']);
            const written = await report();
            expect(written.of('Secret')[1]?.text).toMatch(/^It is written in src\/config\/session\.ts/);
        });

        test('one that is in .env.example is known to everyone; earlier ones are counted, and tried too', async () => {
            const root = temporaryFolder();
            writeFileSync(join(root, '.env.example'), `SESSION_SECRET=${SECRET}\n`);
            const earlier = 'Zq8vR2nK5wX7cT4mJ9bL1sD6fH3gP0yA';
            const { of } = await report({ root, session: { secret: [SECRET, earlier] } });
            expect(of('Secret')[0]?.text).toMatch(/^It is the one in \.env\.example/);
            expect(of('Earlier secrets')[0]?.text).toBe('1 secret of earlier still lets cookies in.');
            const weak = await report({ session: { secret: [SECRET, 'short'] } });
            expect(weak.of('Earlier secrets')[0]).toMatchObject({
                status: 'warning',
                text: expect.stringMatching(/shorter than 32/),
            });
        });
    });

    test.each([
        ['secure, and no proxy is trusted', { cookie: { secure: true } }, {}, ['Proxies: warning']],
        ['secure, behind a proxy that is trusted', { cookie: { secure: true } }, { trustProxy: 1 }, []],
        ['secure, and everyone is believed', { cookie: { secure: true } }, { trustProxy: true }, ['Proxies: warning']],
        [
            'secure, with proxy: false',
            { proxy: false, cookie: { secure: true } },
            { trustProxy: 1 },
            ['Proxies: warning'],
        ],
        ['not secure', { cookie: { secure: false } }, {}, ['Session cookie: warning']],
        [
            'open to scripts',
            { cookie: { secure: 'auto', httpOnly: false } },
            { trustProxy: 1 },
            ['Session cookie: warning'],
        ],
    ])('in production a cookie that is %s: %j %j gives %j', async (_name, more, http, wrong) => {
        expect((await report({ environment: 'production', http, session: more })).wrong).toEqual(wrong);
    });

    test.each([
        ['1', 1, 'One proxy in front says when a request came over https (TRUST_PROXY in the real environment).'],
        ['2', 2, '2 proxies in front say when a request came over https (TRUST_PROXY in the real environment).'],
        [undefined, 'loopback', 'Proxies at loopback say when a request came over https (trustProxy in src/config/'],
        ['1', false, 'The cookie is sent over https only, and trustProxy is off: behind a proxy that speaks https it'],
    ])('about proxies says whose word counts, and where that is set: TRUST_PROXY=%s', async (set, trustProxy, text) => {
        vi.stubEnv('TRUST_PROXY', set);
        const session = { cookie: { secure: true } };
        const { of } = await report({ environment: 'production', http: { trustProxy }, session });
        expect(of('Proxies')[0]?.text).toContain(text);
        expect(of('Proxies')[0]?.fix === undefined).toBe(trustProxy !== false);
    });

    test('a cookie that is not secure is mended where its variable is set: outside, in .env, or in the code', async () => {
        const { root } = sessionsFolder();
        const fix = async () => {
            const insecure = { cookie: { secure: false } };
            return (await report({ root, environment: 'production', session: insecure })).of('Session cookie')[0]?.fix;
        };
        expect(await fix()).toBe('Serve https, and take secure: false out of cookie in src/config/session.ts.');
        writeFileSync(join(root, '.env'), 'SESSION_SECURE=false\n');
        expect(await fix()).toContain('take SESSION_SECURE out of .env (');
        vi.stubEnv('SESSION_SECURE', 'false');
        expect(await fix()).toContain('take SESSION_SECURE out of the real environment (');
    });

    test('a session that ends before its visitor may be away is a warning, and so is a fixed end', async () => {
        const early = await report({ session: { absolute: 3_600_000, cookie: { maxAge: 7_200_000 } } });
        expect(early.of('Lifetime')[0]).toMatchObject({ status: 'warning', text: expect.stringContaining('1 hour') });
        const fixed = await report({ session: { cookie: { expires: new Date(Date.now() + 60_000) } } });
        expect(fixed.wrong).toContain('Lifetime: warning');
        const endless = await report({ session: { absolute: null, idle: 90_000 } });
        expect(endless.of('Lifetime')[0]?.text).toBe(
            'A session ends after 1.5 minutes without a request, however old it is.',
        );
    });

    describe('about the folder', () => {
        test('one that works is told with its rights, its room and its records, and is left as it was', async () => {
            const app = await sessionApp({
                routes: (router) => {
                    router.get('/', (request, response) => {
                        Object.assign(request.session, { seen: true });
                        response.json('hello');
                    });
                },
            });
            await app.browser().visit('/');
            await app.close();
            const before = readdirSync(app.folder);
            const { code, wrong, of } = await report({ root: app.root });
            expect([code, wrong]).toEqual([0, []]);
            expect(of('Folder')[0]?.text).toMatch(/nobody else can enter it \(700\)\.$/);
            expect(of('Writing')[0]?.text).toMatch(/^A file was written, read and removed in/);
            expect(of('Free space')[0]?.text).toMatch(/GB are free/);
            expect(of('Records')[0]?.text).toBe('1 record is stored.');
            expect(readdirSync(app.folder)).toEqual(before);
        });

        test('a file in its place, a file on the way, and a place where nothing can be made are problems', async () => {
            const { root, folder } = sessionsFolder();
            writeFileSync(join(folder, 'file'), '');
            const at = (path: string) => report({ root, session: { drivers: { file: { path } } } });
            for (const [path, why] of [
                [join(folder, 'file'), 'is a file'],
                [join(folder, 'file/below'), "can't be entered (ENOTDIR)"],
                ['/proc/sessions', "can't be made in /proc (ENOENT)"],
            ] as const) {
                const { code, of } = await at(path);
                expect([code, of('Folder')[0]?.status]).toEqual([1, 'problem']);
                expect(of('Folder')[0]?.text).toContain(why);
            }
            const { code, of } = await at('/proc');
            expect([code, of('Writing')[0]?.status]).toEqual([1, 'problem']);
        });

        test('one that others can enter, as a fresh clone has it, is closed at the start, and the doctor knows', async () => {
            const { root, folder } = sessionsFolder();
            writeFileSync(join(folder, '.gitignore'), '*');
            chmodSync(folder, 0o755);
            const { wrong, of } = await report({ root });
            expect([wrong, of('Folder')[0]?.text]).toEqual([
                [],
                expect.stringMatching(/\(now 755\) at the next start\.$/),
            ]);
            expect(rightsOf(folder)).toBe(0o755);
            await (await sessionApp({ root })).close();
            expect(rightsOf(folder)).toBe(0o700);
        });

        test('one that others can enter, and that holds other things too, is a warning', async () => {
            const { root, folder } = sessionsFolder();
            writeFileSync(join(folder, 'notes.txt'), '');
            chmodSync(folder, 0o755);
            const { code, of } = await report({ root });
            expect([code, of('Folder')[0]]).toMatchObject([
                0,
                { status: 'warning', fix: `Close it: chmod 700 ${folder}` },
            ]);
            expect(rightsOf(folder)).toBe(0o755);
        });

        test.skipIf(!existsSync('/dev/shm'))('one in memory is a warning', async () => {
            const { wrong } = await report({ session: { drivers: { file: { path: '/dev/shm/no-such-folder' } } } });
            expect(wrong).toContain('File system: warning');
        });

        test('damaged records and what killed processes left are counted, with their age', async () => {
            const { root, folder } = sessionsFolder();
            const names = new SessionFileNames('.json');
            mkdirSync(join(folder, '.set-aside'));
            writeFileSync(join(folder, '.set-aside', `x-${Date.now() - 7_200_000}-0a1b2c`), '');
            writeFileSync(join(folder, names.temp()), ''); // of this process, which lives
            const fresh = await report({ root });
            expect(fresh.of('Quarantine')[0]?.text).toMatch(
                /^1 damaged record was quarantined, the oldest 2 hours ago\. It goes/,
            );
            expect(fresh.of('Leftovers')[0]?.text).toBe('Processes that were killed left nothing behind.');

            const dead = names.temp().replace(/\d+/, deadProcess());
            writeFileSync(join(folder, dead), '');
            const left = await report({ root });
            expect(left.of('Leftovers')[0]).toMatchObject({
                status: 'ok',
                text: expect.stringMatching(/left 1 file behind.*pruning removes/),
            });
            const unpruned = await report({ root, session: { pruneIntervalMs: 0 } });
            expect(unpruned.of('Leftovers')[0]).toMatchObject({ status: 'warning' });
        });
    });

    test('the memory driver is a warning', async () => {
        vi.stubEnv('WEB_CONCURRENCY', '4');
        const { code, wrong, of } = await report({ session: { driver: 'memory' } });
        expect([code, wrong]).toEqual([0, ['Memory: warning']]);
        expect(of('Memory')[0]?.text).toMatch(/a restart ends them all.*node:cluster.*WEB_CONCURRENCY/);
    });

    test('a driver of your own is looked at too: what it lacks, and that it fails', async () => {
        const withDriver = (make: () => unknown): SessionAppOptions => ({
            session: { driver: 'own' },
            boot: (app) => {
                app.container.make(SessionManager).extend('own', () => make() as never);
            },
        });
        const plain = await report(withDriver(() => new session.MemoryStore()));
        expect(plain.of('Driver [own]')[0]).toMatchObject({
            status: 'warning',
            text: expect.stringMatching(/holds within one process/),
        });
        const broken = await report(
            withDriver(() => {
                throw new Error('No route to the database.');
            }),
        );
        expect([broken.code, broken.of('Driver [own]')[0]?.text]).toEqual([
            1,
            "It can't be used: No route to the database.",
        ]);
        expect(broken.of('Secret')[0]?.status, 'and nothing else is hidden').toBe('ok');
    });

    test('an application that does not start is a warning, and the rest is looked at', async () => {
        const { code, of } = await report({
            boot: () => {
                throw new Error('Postgres is down.');
            },
        });
        expect(code).toBe(0);
        expect(of('Application')[0]?.text).toContain('Postgres is down.');
        expect(of('Free space')).toHaveLength(1);
    });

    test('sessions that were encrypted with a secret that is gone are a problem', async () => {
        const gone = 'Zq8vR2nK5wX7cT4mJ9bL1sD6fH3gP0yA';
        const app = await sessionApp({ session: { encrypt: true, secret: gone } });
        await app.close();
        const { code, wrong } = await report({ root: app.root, session: { encrypt: true } });
        expect([code, wrong]).toEqual([1, ['Driver [file]: problem']]);
        expect((await report({ root: app.root, session: { encrypt: true, secret: [SECRET, gone] } })).code).toBe(0);
    });

    test('a Redis that is not there is a problem, in the driver as in a fallback, and is told in time', async () => {
        const drivers = { redis: { port: 1, password: 'hunter2', connectTimeoutMs: 3_600_000 } };
        const { code, of, checks } = await report({ session: { fallback: ['redis'], drivers } });
        expect([code, of('Redis [redis]')[0]?.text]).toEqual([1, 'localhost:1 does not answer (ECONNREFUSED).']);
        expect(of('Fallback [redis]')[0]?.text).toContain('./artisan session:migrate');
        expect(JSON.stringify(checks)).not.toContain('hunter2');
    });

    test.each([
        ['redis', { port: 1 }, { redis: '^6.0.0' }, 'connect-redis'],
        ['database', { url: 'postgres://127.0.0.1:1/shop' }, {}, 'pg'],
        ['database', { url: 'postgres://127.0.0.1:1/shop' }, { pg: '^8.0.0' }, undefined],
        ['database', { url: 'storage/sessions.sqlite' }, {}, undefined],
    ])(
        'the packages of %s on %o that production would lack are a warning (%o)',
        async (driver, options, dependencies, missing) => {
            const root = temporaryFolder();
            writeFileSync(join(root, 'package.json'), JSON.stringify({ dependencies }));
            const { of } = await report({ root, session: { driver, drivers: { [driver]: options } } });
            expect(of('Packages').map(({ fix }) => fix)).toEqual(missing ? [`npm install --save-prod ${missing}`] : []);
        },
    );
});

/** The number of a process that has ended. */
function deadProcess(): string {
    return execFileSync('/bin/sh', ['-c', 'echo $$'], { encoding: 'utf8' }).trim();
}

await onRedis('./artisan session:doctor on Redis', (server) => {
    const on = async (more: object = {}) => {
        const found = await report({
            session: { driver: 'redis', drivers: { redis: { port: server.port, ...more } } },
        });
        // On a busy machine a PING may be slow, and is told to be.
        return { ...found, wrong: found.wrong.filter((name) => name !== 'Redis: warning') };
    };

    test('tells its version and how fast it answers, and that it saves nothing; it leaves no key of its own', async () => {
        const { code, wrong, of } = await on();
        expect([code, wrong]).toEqual([0, ['Redis on disk: warning']]);
        expect(of('Redis')[0]?.text).toMatch(/^(Redis|Valkey) \d+\.\d+\.\d+ answers at localhost:\d+ in \d+\.\d ms\.$/);
        expect(of('Redis memory')[0]?.text).toMatch(/no limit \(maxmemory 0\)/);
        expect(server.cli('KEYS', '*'), 'but for the one that GET /ready has too, for ten seconds').toBe('sess:~check');
    });

    test('counts records and what was set aside', async () => {
        server.cli('SET', 'sess:one', '{}', 'EX', '60');
        server.cli('SET', `sess:~aside:${Date.now() - 3_600_000}:{sess:two}`, '{}', 'EX', '60');
        const { of } = await on();
        server.cli('FLUSHALL');
        expect(of('Records')[0]?.text).toBe('1 record is stored under sess:.');
        expect(of('Quarantine')[0]?.text).toMatch(/^1 damaged record was quarantined, the oldest 1 hour ago/);
    });

    test('warns of a policy that drops sessions, and not of the others', async () => {
        server.cli('CONFIG', 'SET', 'maxmemory', '100mb');
        server.cli('CONFIG', 'SET', 'appendonly', 'yes');
        const expected = {
            'allkeys-lru': 'warning',
            'volatile-lru': 'warning',
            'volatile-ttl': 'ok',
            noeviction: 'ok',
        };
        for (const [policy, status] of Object.entries(expected)) {
            server.cli('CONFIG', 'SET', 'maxmemory-policy', policy);
            expect([policy, (await on()).of('Redis memory')[0]?.status]).toEqual([policy, status]);
        }
        expect((await on()).wrong).toEqual([]);
        server.cli('CONFIG', 'SET', 'maxmemory', '0');
        server.cli('CONFIG', 'SET', 'appendonly', 'no');
    });

    test('a server that may not be asked for its settings is no problem; one that lets nothing be written is', async () => {
        server.cli('ACL', 'SETUSER', 'shop', 'reset', 'on', '>pw', '~sess:*', '+@all', '-@admin', '-@dangerous');
        const managed = await on({ username: 'shop', password: 'pw' });
        expect([managed.code, managed.wrong]).toEqual([0, []]);
        expect(managed.of('Redis memory')[0]?.text).toContain('could not be asked');
        const wrong = await on({ username: 'shop', password: 'wrong' });
        expect(wrong.of('Redis')[0]).toMatchObject({
            status: 'problem',
            text: expect.stringMatching(/refused the application/),
        });
        server.cli('ACL', 'SETUSER', 'shop', 'resetkeys', '~other:*');
        const other = await on({ username: 'shop', password: 'pw' });
        expect(other.of('Writing')[0]).toMatchObject({ status: 'problem', fix: expect.stringMatching(/ACL SETUSER/) });
    });

    test('one that is stopped is a problem in time', async () => {
        server.freeze();
        const { of } = await on({ connectTimeoutMs: 3_600_000, commandTimeoutMs: 3_600_000 });
        server.thaw();
        expect(of('Redis')[0]?.text).toMatch(/does not answer \(ETIMEDOUT\)/);
    });

    test('a replica is a problem', async () => {
        server.cli('REPLICAOF', '127.0.0.1', '1');
        const { code, wrong } = await on();
        server.cli('REPLICAOF', 'NO', 'ONE');
        expect(code).toBe(1);
        expect(wrong).toEqual(expect.arrayContaining(['Writing: problem']));
    });
});
