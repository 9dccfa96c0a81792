import { expect, test } from 'vitest';
import { type LiveRecord, SessionLifetime } from './helpers/inside/Session/Record.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const CREATED = 1_000;
const SEEN = 5_000;
const record = (rest: Partial<LiveRecord> = {}) =>
    ({ created: CREATED, seen: SEEN, maxAge: null, own: [], isAhead: false, ...rest }) as LiveRecord;
const lifetime = (options: Partial<ConstructorParameters<typeof SessionLifetime>[0]> = {}) =>
    new SessionLifetime({ idleMs: HOUR, maxAgeMs: undefined, ...options });

test('a session lives through the millisecond of its end, and not longer', () => {
    const moments = [SEEN, SEEN + HOUR, SEEN + HOUR + 1];
    expect(moments.map((now) => lifetime().lives(record(), now))).toEqual([true, true, false]);
});

test('without use it ends by its idle time; however much it is used, by its absolute one', () => {
    expect(lifetime().idleEndOf(record())).toBe(SEEN + HOUR);
    expect(lifetime().idleEndOf(record({ maxAge: 7, own: ['maxAge'] }))).toBe(SEEN + 7);
    expect(lifetime({ idleMs: 0 }).idleEndOf(record())).toBe(SEEN - 1);
    expect(lifetime({ absoluteMs: DAY }).absoluteEndOf(record())).toBe(CREATED + DAY);
});

test('the absolute time is seven days where none is set, more where it idles or its cookie lives for longer, and none for null', () => {
    const end = (options: Parameters<typeof lifetime>[0]) => lifetime(options).absoluteEndOf(record()) - CREATED;
    expect(end({})).toBe(7 * DAY);
    expect(end({ idleMs: 8 * DAY })).toBe(8 * DAY);
    expect(end({ maxAgeMs: 9 * DAY })).toBe(9 * DAY);
    expect(end({ absoluteMs: null })).toBe(Number.POSITIVE_INFINITY);
    expect(lifetime({ absoluteMs: null }).endOf(record())).toEqual({ at: SEEN + HOUR, reason: 'idle' });
});

test('a cookie without an age has one of its own where the config gives one, and one with an age where it gives none', () => {
    expect([null, undefined, HOUR].map((age) => lifetime({ maxAgeMs: HOUR }).isOwnAge(age))).toEqual([
        true,
        true,
        false,
    ]);
    expect([null, undefined, HOUR].map((age) => lifetime().isOwnAge(age))).toEqual([false, false, true]);
    const dated = lifetime({ fixedEnd: Date.now() + HOUR });
    expect([null, undefined, HOUR].map((age) => dated.isOwnAge(age))).toEqual([true, true, false]);
    // An old record does not say what is its own: a date in the config is further away for each that is older.
    expect(dated.hasOwnAge({ maxAge: DAY, own: undefined })).toBe(false);
    expect(lifetime({ maxAgeMs: HOUR }).hasOwnAge({ maxAge: DAY, own: undefined })).toBe(true);
    expect(lifetime({ maxAgeMs: HOUR }).hasOwnAge({ maxAge: null, own: undefined })).toBe(false);
});

test("the browser's copy of the cookie is sent again once it has lost a twentieth of its life, or has no end of today", () => {
    const due = (expires: LiveRecord['cookie']['expires'], now: number) =>
        lifetime({ maxAgeMs: HOUR }).hasCookieAged(record({ cookie: { originalMaxAge: HOUR, expires } }), now);
    const sent = new Date(SEEN + HOUR).toISOString();
    expect([0, HOUR / 20 - 1, HOUR / 20].map((passed) => due(sent, SEEN + passed))).toEqual([false, false, true]);
    expect([null, undefined, true, false].map((expires) => due(expires, SEEN))).toEqual([true, true, true, true]);
});
