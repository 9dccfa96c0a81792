import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { sign } from 'cookie-signature';
import type { Router } from 'express';
import session from 'express-session';
import sessionFileStore from 'session-file-store';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Browser } from './helpers/Browser.js';
import { SECRET, type SessionApp, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

/** In every damaged record; must never be in a log line. */
const CANARY = 'canary-7f3a';

/** What session-file-store encrypts with. */
const KEY = 'the key that it was written with';

function routes(router: Router): void {
    router.get('/store', (request, response) => {
        request.session['secret'] = CANARY;
        response.json('stored');
    });
    router.get('/read', (request, response) => {
        response.json({ secret: request.session['secret'] ?? null });
    });
    router.get('/write', (request, response) => {
        request.session['written'] = true;
        response.json({ secret: request.session['secret'] ?? null });
    });
    router.get('/plain', (_request, response) => {
        response.json('no session touched');
    });
}

const start = (session: Record<string, unknown> = {}) =>
    sessionApp({ session: { driver: 'file', ...session }, routes });

/** A visitor with a stored session, and the file it is in. */
async function visitorOf(app: SessionApp): Promise<{ browser: Browser; file: string }> {
    const browser = app.browser();
    const before = new Set(fs.readdirSync(app.folder));
    await browser.visit('/store');
    const [name] = fs.readdirSync(app.folder).filter((entry) => !before.has(entry) && entry.endsWith('.json'));
    return { browser, file: join(app.folder, String(name)) };
}

const warnings = (app: SessionApp) => app.log.filter(({ level }) => level === 'warning' || level === 'error');
const setAside = (app: SessionApp) => {
    const folder = join(app.folder, '.set-aside');
    return fs.existsSync(folder) ? fs.readdirSync(folder) : [];
};

/** Moving aside and warning don't hold up the answer: they may come a moment later. Then nothing more may come. */
async function settled(app: SessionApp, damaged: number): Promise<void> {
    await expect.poll(() => [setAside(app).length, warnings(app).length], { interval: 5 }).toEqual([damaged, damaged]);
}

/** The damaged record stays where its text is a plain file of its own. */
function put(file: string, content: string | Buffer): void {
    fs.rmSync(file, { force: true });
    fs.writeFileSync(file, content);
}

const nested = (depth: number, open: string, close: string) => open.repeat(depth) + close.repeat(depth);
const cookie = '"cookie":{"originalMaxAge":null,"path":"/"}';

/** Whole texts that are no sessions. */
const texts: Record<string, string | Buffer> = {
    'an empty file': '',
    'one byte': '{',
    'random bytes': Buffer.from(Array.from({ length: 500 }, (_, index) => (index * 7919 + 13) % 256)),
    'NUL bytes': Buffer.alloc(300),
    'a byte order mark': `\ufeff{${cookie}}`,
    null: 'null',
    true: 'true',
    'a number': '12',
    'a text': `"${CANARY}"`,
    'an array': '[]',
    'an array of sessions': `[{${cookie}}]`,
    'an empty object': '{}',
    'an object without a cookie': `{"secret":"${CANARY}"}`,
    'a cookie of null': '{"cookie":null}',
    'a cookie that is a text': `{"cookie":"${CANARY}"}`,
    'a cookie that is an array': '{"cookie":[]}',
    'a cookie with a wrong maxAge': '{"cookie":{"originalMaxAge":"soon"}}',
    'a cookie with a wrong date': '{"cookie":{"expires":"soon"}}',
    'a cookie with a wrong path': '{"cookie":{"path":1}}',
    'a __proto__ key': `{${cookie},"__proto__":{"isAdmin":true},"secret":"${CANARY}"}`,
    'a __proto__ key deep inside': `{${cookie},"user":{"a":[{"__proto__":{"isAdmin":true}}]}}`,
    'a __proto__ key in escapes': `{${cookie},"\\u005f_proto__":{"isAdmin":true}}`,
    'a __proto__ key in escapes deep inside': `{${cookie},"user":{"\\u005f\\u005fproto\\u005f\\u005f":{"isAdmin":true}}}`,
    'a __proto__ cookie': `{"__proto__":{${cookie}}}`,
    'deep arrays': `{${cookie},"deep":${nested(100_000, '[', ']')}}`,
    'deep objects': `{${cookie},"deep":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`,
    'deep arrays, cut off': `{${cookie},"deep":${'['.repeat(1_000_000)}`,
    '5 MB of text': `{${cookie},"large":"${CANARY}${'x'.repeat(5_000_000)}"}`,
    '5 MB of nothing': Buffer.alloc(5_000_000, 0x20),
    'two records in one': `{${cookie}}{${cookie}}`,
    HTML: '<!doctype html><title>502</title>',
};

/** Things in a record's place that are no files. */
const places: Record<string, (file: string, app: SessionApp) => void> = {
    'an empty folder': (file) => fs.mkdirSync(file),
    'a folder with files': (file) => {
        fs.mkdirSync(join(file, 'inside'), { recursive: true });
        fs.writeFileSync(join(file, 'inside/kept.txt'), CANARY);
    },
    'a link to a file': (file, app) => {
        const target = join(app.root, 'elsewhere.json');
        fs.writeFileSync(target, `{${cookie},"secret":"${CANARY}"}`);
        fs.symlinkSync(target, file);
    },
    'a link to nothing': (file) => fs.symlinkSync('/nowhere/at/all', file),
    'a link to itself': (file) => fs.symlinkSync(file, file),
    'a link to /dev/zero': (file) => fs.symlinkSync('/dev/zero', file),
    'a named pipe': (file) => void execFileSync('mkfifo', [file]),
};

describe('a damaged record gives its visitor a fresh session, one warning, and is moved aside once', () => {
    const check = async (app: SessionApp, browser: Browser, file: string) => {
        const answers = [await browser.visit('/read'), await browser.visit('/read'), await browser.visit('/write')];
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
        expect(await Promise.all(answers.map((answer) => answer.json()))).toEqual(Array(3).fill({ secret: null }));
        await settled(app, 1);
        expect(fs.existsSync(file)).toBe(false);
        const [warning] = warnings(app);
        expect(warning?.message).toBe(
            'A stored session is damaged and was quarantined; its visitor gets a new session.',
        );
        expect(warning?.context).toEqual({ reason: expect.stringMatching(/^(it|a link,|a folder) /) });
        expect(JSON.stringify(app.log)).not.toContain(CANARY);
        // The fresh session is one like any other, and so is the next visitor's.
        expect(await browser.json('/read')).toEqual({ secret: null });
        await browser.visit('/store');
        expect(await browser.json('/read')).toEqual({ secret: CANARY });
        expect(warnings(app)).toHaveLength(1);
        expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    };

    test.each(Object.keys(texts))('with %s', async (name) => {
        const app = await start();
        const { browser, file } = await visitorOf(app);
        put(file, texts[name] as string);
        await check(app, browser, file);
    });

    test.each(Object.keys(places))('with %s in its place', async (name) => {
        const app = await start();
        const { browser, file } = await visitorOf(app);
        fs.rmSync(file);
        places[name]?.(file, app);
        await check(app, browser, file);
        expect(fs.existsSync(join(app.root, 'elsewhere.json'))).toBe(name === 'a link to a file'); // its target stays
    });

    test('cut off at many lengths, and at all around its end', async () => {
        const app = await start();
        const { file, browser } = await visitorOf(app);
        const whole = fs.readFileSync(file);
        let cuts = 0;
        const text = whole.toString().trimEnd().length;
        // Of the text's own length and the blanks behind it, some: all would take seconds.
        const lengths = [...whole.keys()].filter((length) => length % 20 === 0 || Math.abs(length - text) < 5);
        for (const length of lengths) {
            put(file, whole.subarray(0, length));
            const answer = await browser.visit('/read');
            const isText = length === text; // as the stock package stores it
            const secret = isText ? CANARY : null;
            expect([length, answer.status, await answer.json()]).toEqual([length, 200, { secret }]);
            if (!isText) {
                cuts += 1;
                await settled(app, cuts);
            }
            expect(fs.existsSync(file)).toBe(isText);
        }
        put(file, whole);
        expect(await browser.json('/read')).toEqual({ secret: CANARY });
    });

    test('once, where 20 requests meet it at the same time', async () => {
        const app = await start();
        for (let round = 1; round <= 3; round += 1) {
            const { browser, file } = await visitorOf(app);
            put(file, `{"secret":"${CANARY}"`);
            const answers = await Promise.all(Array.from({ length: 20 }, () => browser.copy().json('/read')));
            expect(answers).toEqual(Array(20).fill({ secret: null }));
            await settled(app, round);
        }
    });

    test('while a request has it in use, whose changes are not taken for stored', async () => {
        let reached: () => void = () => undefined;
        let release: () => void = () => undefined;
        const arrived = new Promise<void>((resolve) => {
            reached = resolve;
        });
        const gate = new Promise<void>((resolve) => {
            release = resolve;
        });
        const app = await sessionApp({
            session: { driver: 'file' },
            routes: (router) => {
                routes(router);
                router.get('/slow', async (request, response) => {
                    request.session['slow'] = true;
                    reached();
                    await gate;
                    response.json('stored');
                });
            },
        });
        const { browser, file } = await visitorOf(app);
        const slow = browser.visit('/slow');
        await arrived;
        put(file, '{"half":');
        release();
        const answer = await slow;
        const next = await browser.visit('/read');
        expect(next.status).toBe(200);
        await expect.poll(() => setAside(app)).toHaveLength(1);
        expect(answer.status === 503 || warnings(app).length >= 2).toBe(true);
    });

    test('kept for keepDamagedMs, then removed', async () => {
        vi.useFakeTimers({ toFake: ['Date'] });
        onTestFinished(() => void vi.useRealTimers());
        const app = await start({ keepDamagedMs: 60_000, pruneIntervalMs: 50 });
        const { browser, file } = await visitorOf(app);
        put(file, '');
        await browser.visit('/read');
        await settled(app, 1);
        vi.setSystemTime(Date.now() + 61_000);
        await expect.poll(() => setAside(app).length).toBe(0);
    });

    test('by pruning too, which removes no session that lives', async () => {
        const app = await start({ pruneIntervalMs: 50, idle: 500 });
        const { file } = await visitorOf(app);
        const { browser } = await visitorOf(app);
        put(file, `{"secret":"${CANARY}"`);
        const old = new Date(Date.now() - 3_600_000);
        fs.utimesSync(file, old, old);
        const seen = () => [setAside(app).length, warnings(app).length];
        await expect.poll(seen).toEqual([1, 1]);
        expect(JSON.stringify(app.log)).not.toContain(CANARY);
        expect((await browser.visit('/read')).status).toBe(200);
    });
});

describe('a record that can not be read now is storage trouble: nothing is moved', () => {
    /** A record that session-file-store encrypted, and a visitor who has it. */
    async function encryptedByThePackage(secret: string | undefined) {
        const root = temporaryFolder();
        const folder = join(root, 'storage/sessions');
        const store = new (sessionFileStore(session))({ path: folder, secret: KEY, reapInterval: -1, logFn: () => {} });
        const data = { cookie: { originalMaxAge: 3_600_000, path: '/' }, secret: CANARY };
        await new Promise((resolve) => store.set('an-id-of-earlier', data as never, resolve));
        const file = join(folder, 'an-id-of-earlier.json');
        const app = await sessionApp({ root, session: { drivers: { file: { ...(secret && { secret }) } } }, routes });
        const browser = app.browser();
        browser.cookies.set('sosise', encodeURIComponent(`s:${sign('an-id-of-earlier', SECRET)}`));
        return { app, browser, file, sealed: fs.readFileSync(file, 'utf8') };
    }

    test.each([
        ['with a key that does not decrypt it', 'another key, set by mistake'],
        ['with an encrypted file and no key at all', undefined],
    ])('%s', async (_what, secret) => {
        const { app, browser, file, sealed } = await encryptedByThePackage(secret);
        expect(sealed).not.toContain(CANARY);
        expect((await browser.visit('/read')).status).toBe(503);
        expect((await browser.visit('/write')).status).toBe(503);
        expect((await browser.visit('/plain')).status).toBe(200);
        expect((await browser.visit('/up')).status).toBe(200);
        expect(fs.readFileSync(file, 'utf8')).toBe(sealed);
        expect(setAside(app)).toEqual([]);
        expect(JSON.stringify(app.log)).not.toContain(CANARY);
    });

    test('with the right key it is read', async () => {
        const { browser } = await encryptedByThePackage(KEY);
        expect(await browser.json('/read')).toEqual({ secret: CANARY });
    });

    test.each(Object.keys(texts))('but with %s in an encrypted store the record is damaged', async (name) => {
        const app = await start({ encrypt: true });
        const { browser, file } = await visitorOf(app);
        expect(fs.readFileSync(file, 'utf8')).not.toContain(CANARY);
        put(file, texts[name] as string);
        expect(await browser.json('/read')).toEqual({ secret: null });
        await settled(app, 1);
        expect(JSON.stringify(app.log)).not.toContain(CANARY);
    });
});
