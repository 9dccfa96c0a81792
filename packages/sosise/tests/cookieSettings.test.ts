import { describe, expect, test } from 'vitest';
import {
    CookieSettingsOfToday,
    cookieInWords,
    cookieTextAt,
    isAlike,
    type LiveRecord,
    liveRecord,
    parseRecord,
    SessionLifetime,
    type StoredCookie,
} from './helpers/inside/Session/Record.js';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const HOUR = 3_600_000;
const base: StoredCookie = { originalMaxAge: HOUR, path: '/', httpOnly: true };
/** Each setting with a value that `base` does not have. */
const others = Object.entries({
    path: '/shop',
    domain: 'example.com',
    httpOnly: false,
    secure: true,
    sameSite: 'lax',
    partitioned: true,
    priority: 'high',
}).map(([name, value]) => [name, { ...base, [name]: value } as StoredCookie] as const);

describe('two cookies', () => {
    test('are alike whatever their ends, and where their ages differ by a second', () => {
        for (const expires of [undefined, null, '2026-03-01T12:00:00.000Z']) {
            expect(isAlike({ ...base, expires }, base)).toBe(true);
        }
        const aged = (originalMaxAge: StoredCookie['originalMaxAge']) => ({ ...base, originalMaxAge });
        for (const [age, alike] of [
            [HOUR - 1_001, false],
            [HOUR - 1_000, true],
            [HOUR + 1_000, true],
            [HOUR + 1_001, false],
            [null, false],
            [undefined, false],
        ] as const) {
            expect(isAlike(aged(age), base), String(age)).toBe(alike);
            expect(isAlike(base, aged(age)), String(age)).toBe(alike);
        }
        expect(isAlike(aged(null), aged(undefined))).toBe(true);
        expect([isAlike(aged(500), aged(null)), isAlike(aged(null), aged(500))]).toEqual([false, false]);
    });

    test.each(others)('are not alike with another %s, whichever was looked at last', (_name, other) => {
        expect([isAlike(base, other), isAlike(other, base), isAlike(base, { ...base })]).toEqual([false, false, true]);
        expect([isAlike(other, base), isAlike(other, { ...other })]).toEqual([false, true]);
    });

    test.each(others)('are stored as they are, with another %s', (_name, other) => {
        for (const cookie of [base, other, base, { ...other, path: null } as unknown as StoredCookie]) {
            const expires = new Date(NOW + HOUR).toISOString();
            expect(JSON.parse(cookieTextAt(cookie, NOW))).toEqual({ ...cookie, expires });
            const ends = { ...cookie, expires };
            expect(JSON.parse(cookieTextAt(ends, undefined))).toEqual(ends);
        }
    });
});

test('a stored cookie that has no age, no end or no settings reads as it was', () => {
    for (const cookie of [
        { originalMaxAge: null, expires: null, path: '/' },
        { originalMaxAge: HOUR, expires: null },
        {},
    ]) {
        expect(JSON.parse(cookieTextAt(cookie, undefined))).toEqual(cookie);
    }
    expect(JSON.parse(cookieTextAt({ originalMaxAge: 0 }, NOW))).toEqual({
        originalMaxAge: 0,
        expires: new Date(NOW).toISOString(),
    });
    expect(JSON.parse(cookieTextAt({ originalMaxAge: HOUR }, undefined)).expires ?? null).toBeNull();
});

describe('in words a cookie is', () => {
    test.each<[Omit<StoredCookie, 'expires'>, string]>([
        [{}, 'until the browser closes'],
        [{ originalMaxAge: null, path: '/', httpOnly: true }, 'until the browser closes; Path=/; HttpOnly'],
        [{ originalMaxAge: 90_400 }, 'Max-Age=90'],
        [
            { originalMaxAge: 0, domain: 'example.com', path: '/shop', secure: true, sameSite: 'lax' },
            'Max-Age=0; Domain=example.com; Path=/shop; Secure; SameSite=lax',
        ],
        [
            { originalMaxAge: null, secure: 'auto', sameSite: true, partitioned: true, priority: 'high' },
            'until the browser closes; Secure=auto; SameSite=strict; Partitioned; Priority=high',
        ],
    ])('%j', (cookie, words) => {
        expect(cookieInWords(cookie)).toBe(words);
    });
});

describe('the cookie of a stored session today', () => {
    const config = { path: '/app', secure: 'auto', sameSite: 'strict', maxAge: HOUR } as const;
    const open = () => new CookieSettingsOfToday(config, new SessionLifetime({ idleMs: HOUR, maxAgeMs: HOUR }));
    const asToday: StoredCookie = {
        originalMaxAge: HOUR,
        path: '/app',
        httpOnly: true,
        secure: true,
        sameSite: 'strict',
    };
    const stored: StoredCookie = { originalMaxAge: HOUR, path: '/', httpOnly: true, secure: true, sameSite: 'lax' };
    const record = (own?: string[], cookie = stored) => {
        const times = { seen: NOW, created: NOW, login: undefined };
        const parsed = parseRecord(liveRecord({ ...times, own }, cookieTextAt(cookie, NOW), ''), NOW);
        return parsed as LiveRecord;
    };

    test("has the config's settings, but for what is its own; what is 'auto' is what it was", () => {
        expect(open().of(record([]))).toMatchObject({ path: '/app', secure: true, sameSite: 'strict', httpOnly: true });
        expect(open().of(record(['path']))).toMatchObject({ path: '/', secure: true, sameSite: 'strict' });
        expect(open().of(record(['sameSite', 'path']))).toMatchObject({ path: '/', sameSite: 'lax' });
    });

    test("has the config's age also where all else is as it was", () => {
        const always = new CookieSettingsOfToday({ path: '/' }, new SessionLifetime({ idleMs: HOUR, maxAgeMs: HOUR }));
        expect(always.of(record([], { ...base, originalMaxAge: 2 * HOUR }))).toMatchObject({ originalMaxAge: HOUR });
    });

    test("has the config's age, and keeps the end of the browser's copy", () => {
        const cookie = { ...asToday, originalMaxAge: 2 * HOUR, expires: new Date(NOW + 2 * HOUR).toISOString() };
        expect(open().of(record([], cookie))).toEqual({ ...cookie, originalMaxAge: HOUR });
        const unsaid = parseRecord(JSON.stringify({ __lastAccess: NOW - 5, cookie: stored }), NOW) as LiveRecord;
        expect(open().of(unsaid)).toMatchObject({ expires: new Date(NOW - 5 + HOUR).toISOString() });
    });

    test('keeps an age of its own, also one that is none', () => {
        const aged = (originalMaxAge: number | null) => record(['maxAge'], { ...stored, originalMaxAge });
        expect(open().of(aged(5))).toMatchObject({ originalMaxAge: 5, path: '/app' });
        expect(open().of(aged(null))).toMatchObject({ originalMaxAge: null, expires: null, path: '/app' });
        const none = record(['maxAge'], { path: '/' });
        expect(open().of(none)).toMatchObject({ originalMaxAge: null, expires: null });
    });

    test("names what a route changed: all that is not the config's, and nothing that is", () => {
        expect(open().ownOf(asToday)).toEqual([]);
        expect(open().ownOf({ ...asToday, secure: false })).toEqual([]);
        expect(open().ownOf(stored)).toEqual(['path', 'sameSite']);
        expect(open().ownOf({ ...asToday, originalMaxAge: null, httpOnly: false })).toEqual(['httpOnly', 'maxAge']);
    });

    test('of an old record only the age can be told to be its own', () => {
        expect(open().ownIn(record())).toEqual([]);
        expect(open().ownIn(record(undefined, { ...stored, originalMaxAge: 2 * HOUR }))).toEqual(['maxAge']);
        expect(open().ownIn(record(['path'], { ...stored, originalMaxAge: 2 * HOUR }))).toEqual(['path']);
    });
});
