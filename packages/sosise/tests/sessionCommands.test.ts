import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import session, { type SessionData } from 'express-session';
import type { ConfigOverrides } from 'sosise';
import { StoredSessions } from 'sosise';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Ran } from './consoleProject.js';
import { Progress, printable, shortened, spanOf } from './helpers/inside/Console.js';
import type { ApplicationKernel } from './helpers/inside/Kernel.js';
import { SessionRegistry } from './helpers/inside/Session/Admin.js';
import { fingerprintOf, keyOf, NO_CHANGE } from './helpers/inside/Session/Record.js';
import type { SessionRepository } from './helpers/inside/Session/Repository.js';
import { FileStore } from './helpers/inside/Session/Stores/File.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { PlainStoreAdapter } from './helpers/inside/Session/Stores/Plain.js';
import { sizeOf } from './helpers/inside/Support.js';
import { createKernel, SessionManager, sessionApp, temporaryFolder } from './helpers/sessionApp.js';
import { inThisProcess } from './inThisProcess.js';

const HOUR = 3_600_000;
const SECRET_VALUE = 'nobody-may-see-this';

/** A store of npm that can't list. */
class Unlisted extends session.Store {
    public readonly stored = new Map<string, string>();
    public override get(sid: string, callback: (error: unknown, data?: SessionData | null) => void): void {
        callback(null, JSON.parse(this.stored.get(sid) ?? 'null') as SessionData | null);
    }
    public override set(sid: string, data: SessionData, callback?: (error?: unknown) => void): void {
        this.stored.set(sid, JSON.stringify(data));
        callback?.();
    }
    public override destroy(sid: string, callback?: (error?: unknown) => void): void {
        this.stored.delete(sid);
        callback?.();
    }
}

const unlisted = new Unlisted();
let root: string;
let config: Record<string, unknown>;

beforeEach(() => {
    root = temporaryFolder();
    config = { driver: 'file', idle: HOUR };
});

afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    unlisted.stored.clear();
});

function kernel(overrides: ConfigOverrides = {}): ApplicationKernel {
    const asked = (overrides as { session?: Record<string, unknown> }).session;
    return createKernel({
        root,
        session: { ...config, ...asked },
        boot: ({ container }) => {
            const newer = () => new FileStore({ path: join(root, 'storage/newer') });
            container
                .make(SessionManager)
                .extend('unlisted', () => unlisted)
                .extend('newer', newer);
        },
    }).app;
}

/** Runs a command line in this process. `during` is called with each text that is printed. */
async function artisan(line: string, during?: (text: string) => void): Promise<Ran> {
    return inThisProcess(
        {
            entryUrl: pathToFileURL(join(root, 'src/artisan.ts')).href,
            config: { session: async () => ({ default: {} }) },
            bootstrap: async () => ({ createApplication: async (overrides) => kernel(overrides) }),
        },
        line,
        during,
    );
}

async function linesOf(line: string): Promise<string[]> {
    const { code, output, errors } = await artisan(line);
    expect([code, errors]).toEqual([0, '']);
    return output.trimEnd().split('\n');
}

async function withRepository<T>(work: (repository: SessionRepository) => Promise<T>): Promise<T> {
    const app = await kernel().boot();
    try {
        const registry = app.container.make(SessionRegistry) as unknown as {
            services(): { repository: SessionRepository };
        };
        return await work(registry.services().repository);
    } finally {
        await app.shutdown();
    }
}

interface Stored {
    user?: string;
    maxAge?: number;
    data?: Record<string, unknown>;
}

/** Stores a session; gives its fingerprint. */
function store(id: string, { user, maxAge, data = {} }: Stored = {}): Promise<string> {
    return withRepository(async (repository) => {
        const set = new Map(Object.entries(data).map(([key, value]) => [key, JSON.stringify(value)]));
        const cookie = { originalMaxAge: maxAge ?? null, httpOnly: true, path: '/' };
        const login = user === undefined ? undefined : { user, at: Date.now() };
        await repository.create(keyOf(id), cookie, { ...NO_CHANGE, set }, login);
        return fingerprintOf(keyOf(id));
    });
}

async function kindOf(id: string): Promise<string> {
    return withRepository(async (repository) => (await repository.find(id)).kind);
}

/** Sessions that a clock hours behind wrote: they have expired. */
async function storeExpired(...ids: string[]): Promise<void> {
    vi.useFakeTimers({ now: Date.now() - 2 * HOUR, toFake: ['Date'] });
    for (const id of ids) {
        await store(id);
    }
    vi.useRealTimers();
}

describe('session:list', () => {
    test('shows whose each session is, its age and size, and never an id, a key or what it holds', async () => {
        vi.useFakeTimers({ now: Date.now() - 5 * 60_000, toFake: ['Date'] });
        const first = await store('first', { user: '42', data: { note: SECRET_VALUE } });
        vi.useRealTimers();
        const second = await store('second');
        const [head = '', ...rows] = await linesOf('session:list');
        expect(head).toMatch(/^Fingerprint +User +Age +Last seen +Size$/);
        expect(rows).toHaveLength(3);
        expect(rows.find((row) => row.startsWith(first))).toMatch(/^\S{10} +42 +5 min +5 min ago +\d{3} B$/);
        expect(rows.find((row) => row.startsWith(second))).toMatch(/^\S{10} +- +\d s +\d s ago +\d+ B$/);
        expect(rows.at(-1)).toBe('2 sessions.');
        for (const hidden of [keyOf('first').slice(7), SECRET_VALUE]) {
            expect(rows.join()).not.toContain(hidden);
        }
    });

    test('gives one JSON object a line', async () => {
        const fingerprint = await store('first', { user: '42' });
        const [line = '', ...rest] = await linesOf('session:list --json');
        expect(rest).toEqual([]);
        const listed = JSON.parse(line) as Record<string, string | number>;
        expect(Object.keys(listed)).toEqual([
            'fingerprint',
            'user',
            'bound',
            'created',
            'lastSeen',
            'expiresAt',
            'bytes',
        ]);
        expect(listed).toMatchObject({ fingerprint, user: '42' });
        expect(Date.parse(listed['expiresAt'] as string) - Date.parse(listed['lastSeen'] as string)).toBe(HOUR);
    });

    test('leaves out what has expired or ended, and damages nothing that it can not read', async () => {
        await storeExpired('over');
        await store('ended');
        await withRepository(async (repository) => void (await repository.end(keyOf('ended'), 'destroyed')));
        await store('unreadable');
        const folder = join(root, 'storage/sessions');
        const files = new FileStore({ path: folder });
        const stored = await files.read(keyOf('unreadable'));
        await files.write(keyOf('unreadable'), '{"no":"session"}', stored?.version);
        expect((await linesOf('session:list')).at(-1)).toBe('0 sessions.');
        expect((await files.read(keyOf('unreadable')))?.record).toBe('{"no":"session"}');
        files.close();
    });

    test('sorts by size, by activity, by beginning and by user, and keeps no more than it shows', async () => {
        const small = await store('a', { user: '10' });
        const large = await store('b', { user: '9', data: { text: 'x'.repeat(3_000) } });
        const middle = await store('c', { data: { text: 'x'.repeat(500) } });
        const order = async (sort: string) =>
            (await linesOf(`session:list --sort ${sort} --json`)).map((line) => JSON.parse(line).fingerprint);
        expect(await order('size')).toEqual([large, middle, small]);
        expect(await order('user')).toEqual([large, small, middle]);
        expect(await order('seen')).toEqual([middle, large, small]);
        expect(await order('created')).toEqual([middle, large, small]);
        const rows = await linesOf('session:list --sort size --limit 1');
        expect(rows[1]).toMatch(new RegExp(`^${large} .* 3\\.\\d kB$`));
        expect(rows.at(-1)).toBe('1 of 3 sessions.');
    });

    test("shows a user's sessions alone, also of a store that can't list", async () => {
        config = { ...config, driver: 'unlisted' };
        const one = await store('one', { user: 'ann@example.org' });
        await store('two', { user: 'bob' });
        const rows = await linesOf('session:list --user ann@example.org');
        expect(rows.slice(1)).toEqual([expect.stringContaining(`${one}   ann@example.org`), '1 session.']);
        expect(await artisan('session:list')).toMatchObject({
            code: 1,
            errors: "The session driver unlisted can't list what it holds: only --user of session:list and session:revoke works with it.\n",
        });
    });

    test('stops at the limit and at Ctrl-C, without a look at the rest', async () => {
        for (let n = 0; n < 40; n += 1) {
            await store(`many-${n}`);
        }
        const read = vi.spyOn(FileStore.prototype, 'records');
        expect((await linesOf('session:list --limit 5')).at(-1)).toBe('5 sessions; there are more.');
        expect(read).toHaveBeenCalledTimes(1);
        let rows = 0;
        const stopped = await artisan('session:list', () => {
            rows += 1;
            if (rows === 4) {
                process.emit('SIGINT');
            }
        });
        expect(stopped).toMatchObject({ code: 1, errors: 'Stopped before the end: there may be more.\n' });
        expect(rows).toBeLessThan(10);
    });

    test('ends quietly when its reader has seen enough', async () => {
        for (let n = 0; n < 40; n += 1) {
            await store(`many-${n}`);
        }
        let rows = 0;
        const left = await artisan('session:list', () => {
            rows += 1;
            if (rows === 4) {
                process.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
            }
        });
        expect(left).toMatchObject({ code: 0, errors: '' });
        expect(rows).toBeLessThan(10);
    });

    test('lists what is encrypted, and what waits in the driver before', async () => {
        const old = await store('old', { user: '1' });
        config = { ...config, driver: 'unlisted', fallback: ['file'] };
        const app = await kernel().boot();
        const found: string[] = [];
        for await (const { fingerprint } of app.container.make(StoredSessions).all()) {
            found.push(fingerprint);
        }
        await app.shutdown();
        expect(found).toEqual([old]);
        config = { driver: 'file', idle: HOUR, encrypt: true };
        const sealed = await store('sealed', { user: '2' });
        const rows = await linesOf('session:list --sort user');
        expect(rows.slice(1).map((row) => row.slice(0, 10))).toEqual([old, sealed, '2 sessions']);
    });
});

describe('session:show', () => {
    test('tells keys, types and sizes, and what they hold only when it is asked for', async () => {
        const data = { cart: [1, 2, 3], note: SECRET_VALUE, nothing: null, profile: { name: 'Ann' }, count: 5 };
        const fingerprint = await store('one', { user: '42', data });
        const { output } = await artisan(`session:show ${fingerprint}`);
        expect(output).toMatch(/^ {2}User {10}42$/m);
        expect(output).toMatch(/^ {2}Ends unused {3}in (59|60) min, 20/m);
        expect(output).toMatch(/^ {2}Cookie {8}until the browser closes; Path=\/; HttpOnly$/m);
        expect(output).toMatch(/^cart +array of 3 +7 B$/m);
        expect(output).toMatch(/^profile +object with 1 key +14 B$/m);
        expect(output).toMatch(/^nothing {2}null .* 4 B$/m);
        expect(output).not.toContain(SECRET_VALUE);
        expect((await artisan(`session:show ${fingerprint} --json`)).output).not.toContain(SECRET_VALUE);
        const shown = await artisan(`session:show ${fingerprint} --values`);
        expect(shown.output).toContain(`note     "${SECRET_VALUE}"`);
        const json = JSON.parse((await artisan(`session:show ${fingerprint} --values --json`)).output);
        expect(Object.fromEntries(json.keys.map(({ key, value }: never) => [key, value]))).toEqual(data);
    });

    test('takes the beginning of a fingerprint, and says where it is that of several', async () => {
        const ids = Array.from({ length: 4 }, (_, n) => `id-${n}`);
        const [one = ''] = await Promise.all(ids.map((id) => store(id)));
        expect((await artisan(`session:show ${one.slice(0, 4)}`)).output).toContain(one);
        const twins = twinsOf(3);
        for (const id of twins) {
            await store(id);
        }
        const app = await kernel().boot();
        const beginning = fingerprintOf(keyOf(twins[0] as string)).slice(0, 3);
        await expect(app.container.make(StoredSessions).find(beginning)).rejects.toThrow(
            `Several sessions begin with ${beginning}: say more of the fingerprint.`,
        );
        await app.shutdown();
    });

    test('takes a fingerprint that begins with a dash, or its beginning', async () => {
        const id = idOf((fingerprint) => /^-\w/.test(fingerprint));
        const fingerprint = await store(id);
        expect((await artisan(`session:show --json ${fingerprint}`)).output).toContain(fingerprint);
        expect((await artisan(`session:show --json ${fingerprint.slice(0, 4)}`)).output).toContain(fingerprint);
        expect((await artisan('session:show --help')).output).toContain('Usage:');
        expect((await artisan(`session:revoke ${fingerprint}`)).output).toContain('has ended.');
    });

    test('a session that the stock package stored under its id is named by its key, and ends under both', async () => {
        await withRepository(async () => undefined);
        const files = new FileStore({ path: join(root, 'storage/sessions') });
        const plain = { cookie: { originalMaxAge: HOUR }, __lastAccess: Date.now(), from: 'before' };
        await files.write('stock-session-id-0001', JSON.stringify(plain), undefined);
        files.close();
        const fingerprint = fingerprintOf(keyOf('stock-session-id-0001'));
        expect((await linesOf('session:list'))[1]).toMatch(new RegExp(`^${fingerprint} `));
        await linesOf(`session:revoke ${fingerprint}`);
        expect(await kindOf('stock-session-id-0001')).toBe('ended');
    });
});

describe('session:prune', () => {
    test('removes what has expired, keeps what lives, and says how much that was', async () => {
        await storeExpired('over-1', 'over-2', 'over-3');
        await store('live');
        const { code, output } = await artisan('session:prune');
        expect(code).toBe(0);
        expect(output).toMatch(/^3 expired sessions removed \(\d+ B\), 1 kept\. It took \d+\.\d s\.\n$/);
        expect(await kindOf('live')).toBe('live');
        expect((await artisan('session:prune')).output).toMatch(/^0 expired sessions removed, 1 kept\./);
    });

    test('counts what it removes from a driver that was used before, too', async () => {
        vi.useFakeTimers({ now: Date.now() - 48 * HOUR, toFake: ['Date'] });
        await store('over-1');
        await store('over-2');
        vi.useRealTimers();
        config = { ...config, driver: 'newer', fallback: ['file'] };
        await store('live');
        const { code, output } = await artisan('session:prune');
        expect(code).toBe(0);
        expect(output).toMatch(/^2 expired sessions removed \(\d+ B\), 1 kept\./);
        expect(await new FileStore({ path: join(root, 'storage/sessions') }).count()).toBe(0);
    });

    test('stopped, says so, and goes on another time', async () => {
        const ids = Array.from({ length: 40 }, (_, n) => `over-${n}`);
        await storeExpired(...ids);
        const write = FileStore.prototype.write;
        let written = 0;
        const spy = vi.spyOn(FileStore.prototype, 'write').mockImplementation(function (this: FileStore, ...args) {
            written += 1;
            if (written === 5) {
                process.emit('SIGINT');
            }
            return write.apply(this, args);
        });
        const stopped = await artisan('session:prune');
        spy.mockRestore();
        expect(stopped).toMatchObject({
            code: 1,
            errors: 'Stopped before the end: run it again to remove the rest.\n',
        });
        expect(stopped.output).toMatch(/^5 expired sessions removed/);
        expect((await artisan('session:prune')).output).toMatch(/^35 expired sessions removed/);
    });
});

describe('session:revoke', () => {
    test('ends one, or all of a user, and leaves the others', async () => {
        const one = await store('one', { user: '1' });
        await store('two', { user: '1' });
        await store('three', { user: '2' });
        expect(await linesOf(`session:revoke ${one}`)).toEqual([`The session ${one} of user 1 has ended.`]);
        expect(await linesOf('session:revoke --user=1')).toEqual(['1 session of user 1 has ended.']);
        expect(await linesOf('session:revoke --user=1')).toEqual(['0 sessions of user 1 have ended.']);
        expect(await Promise.all(['one', 'two', 'three'].map(kindOf))).toEqual(['ended', 'ended', 'live']);
    });

    test('ends all only when it is told that nobody has to be asked', async () => {
        await store('one', { user: '1' });
        await store('two');
        expect(await artisan('session:revoke --all')).toEqual({
            code: 2,
            output: '',
            errors: '--all ends all sessions and nobody can be asked here: add --force.\n',
        });
        expect(await kindOf('one')).toBe('live');
        const { code, output } = await artisan('session:revoke --all --force');
        expect(code).toBe(0);
        expect(output).toMatch(/^2 sessions have ended\. It took /);
        expect(await Promise.all(['one', 'two'].map(kindOf))).toEqual(['ended', 'ended']);
    });

    test('in the code, ending all tells how far it is, also where it looks again for what got a new id', async () => {
        await store('one', { user: '1' });
        await store('two');
        const app = await kernel().boot();
        const steps: number[][] = [];
        const progress = (...step: number[]) => steps.push(step) > 0;
        expect(await app.container.make(SessionRegistry).revokeAll({ progress })).toBe(2);
        await app.shutdown();
        expect(steps.map(([, looked, walk]) => [walk, looked])).toEqual([
            [1, 1],
            [1, 2],
            [1, 3],
            [2, 1],
            [2, 2],
            [2, 3],
        ]);
    });

    test("a user's sessions end in a store that can't list", async () => {
        config = { ...config, driver: 'unlisted' };
        await store('one', { user: '1' });
        expect(await linesOf('session:revoke --user 1')).toEqual(['1 session of user 1 has ended.']);
        expect(await artisan('session:revoke --all --force')).toMatchObject({ code: 1 });
    });

    test('on the driver of the config ends what waits in its fallback too, also where the driver is named', async () => {
        await store('one', { user: '1' });
        config = { driver: 'unlisted', fallback: ['file'], idle: HOUR };
        expect(await linesOf('session:revoke --user=1 --driver=unlisted')).toEqual(['1 session of user 1 has ended.']);
        expect(await kindOf('one')).toBe('ended');
        await store('other');
        expect(await linesOf('session:list --driver file --json'), 'only what is in that driver').toEqual(['']);
    });
});

describe('wrong use', () => {
    test.each([
        ['session:list --driver fiel', 'There is no session driver fiel: did you mean file?'],
        ['session:list --driver unlist', 'There is no session driver unlist: did you mean unlisted?'],
        [
            'session:list --driver mongo',
            'There is no session driver mongo: there are database, file, memory, newer, redis, unlisted.',
        ],
        ['session:list --sort sise', "--sort can't be 'sise': did you mean size?"],
        ['session:list --limit 0', "--limit can't be '0': it takes a whole number from 1 on."],
        ['session:list --user=', "--user can't be empty: say whose sessions, as in --user=42."],
        [
            'session:show abc',
            '"abc" is no fingerprint: say 4 to 10 of the characters that ./artisan session:list shows.',
        ],
        ['session:revoke', 'Say which sessions, in one way: ./artisan session:revoke FINGERPRINT, --user=ID or --all.'],
        [
            'session:revoke --user=1 --all',
            'Say which sessions, in one way: ./artisan session:revoke FINGERPRINT, --user=ID or --all.',
        ],
        ['session:revoke --user=', "--user can't be empty: say whose sessions, as in --user=42."],
        [
            'session:revoke --user=1 --force',
            '--force goes with --all alone: ./artisan session:revoke FINGERPRINT, --user=ID or --all.',
        ],
    ])('[%s] is answered in one sentence, with exit code 2', async (line, sentence) => {
        expect(await artisan(line)).toEqual({ code: 2, output: '', errors: `${sentence}\n` });
    });

    test.each(['session:list', 'session:show abcdef', 'session:prune', 'session:revoke --user=1'])(
        '%s says that sessions are off, or in the memory of another process',
        async (line) => {
            const memory =
                "The sessions are in the memory of the server's process, where no command reaches them: set another driver in src/config/session.ts, or look after them in the server itself.\n";
            expect(await artisan(`${line} --driver=memory`)).toEqual({ code: 1, output: '', errors: memory });
            config = { enabled: false };
            const off = 'Sessions are off: set enabled to true in src/config/session.ts.\n';
            expect(await artisan(line)).toEqual({ code: 1, output: '', errors: off });
        },
    );

    test('a fingerprint that names nothing that lives is told, with exit code 1', async () => {
        const errors = 'There is no live session abcdef: ./artisan session:list shows those there are.\n';
        expect(await artisan('session:show abcdef')).toEqual({ code: 1, output: '', errors });
        expect(await artisan('session:revoke abcdef')).toEqual({ code: 1, output: '', errors });
    });
});

describe('drivers', () => {
    test('tell about how many records they have, through encryption and fallback', async () => {
        await store('one', { user: '1' });
        await store('two');
        config = { ...config, encrypt: true };
        const app = await sessionApp({ root, session: config });
        const count = await app.app.container.make(StoredSessions).count();
        expect(count).toBeGreaterThanOrEqual(3); // two sessions, a list, and what encryption keeps for itself
        expect(count).toBeLessThanOrEqual(4);
        await app.close();
        config = { ...config, driver: 'unlisted', fallback: ['file'] };
        const unknown = await kernel().boot();
        expect(await unknown.container.make(StoredSessions).count()).toBeUndefined();
        await unknown.shutdown();
        const memory = new MemoryStore();
        memory.write('sha256-one', '{}', undefined, Date.now() + HOUR);
        memory.write('user-one', '{}', undefined, Date.now() + HOUR);
        expect(memory.count()).toBe(2);
        memory.close();
        const counting = Object.assign(new Unlisted(), {
            length: (callback: (error: unknown, length: number) => void) => callback(null, 7),
        });
        expect(await new PlainStoreAdapter(counting).count()).toBe(7);
    });
});

describe('texts', () => {
    test('spans and sizes read as a person says them', () => {
        const spans = [-5, 59_000, 119_000, 180_000, 7_199_000, 7_200_000, 47 * HOUR, 48 * HOUR].map(spanOf);
        expect(spans).toEqual(['0 s', '59 s', '119 s', '3 min', '119 min', '2 h', '47 h', '2 days']);
        expect([0, 999, 1_000, 1_250_000].map(sizeOf)).toEqual(['0 B', '999 B', '1.0 kB', '1.3 MB']);
    });

    test('what somebody else chose can not command the terminal', () => {
        expect(printable('\x1b[2Jann\n\u202e')).toBe('\\u{1b}[2Jann\\u{a}\\u{202e}');
        expect(shortened('häuser', 4)).toBe('häu…');
    });

    test('long work tells how much time is left, once it is known how much there is', () => {
        vi.useFakeTimers({ toFake: ['performance'] });
        const lines: string[] = [];
        const output = vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
        const progress = new Progress('records');
        vi.advanceTimersByTime(1_000);
        progress.update(10);
        progress.total = 100;
        vi.advanceTimersByTime(1_000);
        progress.update(20, '5 removed');
        progress.update(1, '9 removed', 2);
        vi.advanceTimersByTime(1_000);
        progress.update(50, '9 removed', 2);
        output.mockRestore();
        expect(lines).toEqual([
            '10 records, 10 a second\n',
            '20 of 100 records, 5 removed, 10 a second, 8 s left\n',
            '50 of 100 records, 9 removed, 50 a second, 1 s left\n',
        ]);
    });
});

function idOf(matches: (fingerprint: string) => boolean): string {
    for (let n = 0; ; n += 1) {
        if (matches(fingerprintOf(keyOf(`id-${n}`)))) {
            return `id-${n}`;
        }
    }
}

/** Two ids whose fingerprints begin with the same characters. */
function twinsOf(length: number): [string, string] {
    const seen = new Map<string, string>();
    for (let n = 0; ; n += 1) {
        const id = `twin-${n}`;
        const beginning = fingerprintOf(keyOf(id)).slice(0, length);
        const other = seen.get(beginning);
        if (other !== undefined) {
            return [other, id];
        }
        seen.set(beginning, id);
    }
}
