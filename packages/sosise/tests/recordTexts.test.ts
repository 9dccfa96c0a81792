import { describe, expect, test } from 'vitest';
import {
    cookieTextAt,
    endedRecord,
    FLASH,
    isDeeperThan,
    isEndedRecord,
    type LiveRecord,
    liveRecord,
    parseRecord,
    type StoredCookie,
    userRecord,
} from './helpers/inside/Session/Record.js';

describe('what is read of a record', () => {
    const NOW = Date.parse('2026-03-01T12:00:00.000Z');
    const SECOND = 1_000;
    const MINUTE = 60 * SECOND;
    const live = (text: string) => parseRecord(text, NOW) as LiveRecord;
    /** As the stock packages write it. */
    const stock = (cookie: unknown, rest: object = {}) => live(JSON.stringify({ cookie, ...rest }));
    /** All of a record, also what is only parsed when somebody looks at it. */
    const whole = (text: string) => {
        const record = live(text);
        return { ...record, cookie: record.cookie, data: record.data, copy: record.copy() };
    };
    const times = { seen: NOW - MINUTE, created: NOW - 2 * MINUTE, login: undefined };
    const age: StoredCookie = { originalMaxAge: 5 * MINUTE, path: '/', httpOnly: true };
    const ours = (body = '', { own, login, cookie = age }: Partial<LiveRecord> = {}) =>
        liveRecord({ ...times, own, login }, cookieTextAt(cookie, NOW), body);

    test('none that is cut off, at any length, is a session', () => {
        const login = { user: '7', at: NOW - MINUTE, browser: 'a "quoted" one' };
        for (const text of [ours(',"a":{"b":[1,"}"]},"c":"x"', { own: ['path'], login }), ours()]) {
            expect(whole(text)).toMatchObject({ kind: 'live' });
            for (let length = 0; length < text.length; length += 1) {
                expect(() => whole(text.slice(0, length)), text.slice(0, length)).toThrow(
                    length === 0 ? 'it is empty' : 'it is not JSON',
                );
            }
        }
    });

    test.each<[string, string]>([
        ['a part that stands there twice', ours(',"cookie":{"originalMaxAge":1}')],
        ['a second time of its last access', ours(',"__lastAccess":0')],
        ['a second part of the framework', ours(',"__sosise":{}')],
        ['a __proto__ key in its data', ours(',"__proto__":{"isAdmin":true}')],
        ['a __proto__ key in escapes', ours(',"\\u005f_proto__":{"isAdmin":true}')],
        ['data that is nested too deeply', ours(`,"a":${'['.repeat(5_000)}${']'.repeat(5_000)}`)],
        ['a cookie that ends at no time', ours().replace(/"expires":"[^"]*"/, '"expires":"soon"')],
        ['a cookie with a path that is none', ours().replace('"path":"/"', '"path":1')],
        ['a login without a user', ours().replace('"created"', '"login":{"at":1},"created"')],
        ['a login at no time', ours().replace('"created"', '"login":{"user":"7","at":"now"},"created"')],
        ['a login that is a text', ours().replace('"created"', '"login":"7","created"')],
        ...['binding', 'deviceKey', 'proved'].map((part): [string, string] => [
            `a login whose ${part} can't be read`,
            ours().replace('"created"', `"login":{"user":"7","at":1,"${part}":[]},"created"`),
        ]),
        ['what is sealed, where nobody unsealed it', '{"__sosise":{"sealed":"text"},"cookie":{"originalMaxAge":1}}'],
    ])('one with %s is damaged, and the error says why', (_what, text) => {
        const error = { name: 'DamagedRecordError', message: expect.stringMatching(/\w/) };
        expect(() => whole(text)).toThrow(expect.objectContaining(error));
        expect(whole(ours())).toMatchObject({ kind: 'live' }); // and the next one is read as ever
    });

    test.each(['null', 'true', '12', '"text"', '[]', '[{"cookie":{}}]'])('%s is no JSON object', (text) => {
        expect(() => live(text)).toThrow('it is not a JSON object');
    });

    test('data may be nested as deeply as sessions are, and hold brackets in its texts', () => {
        const deep = `${'['.repeat(150)}${']'.repeat(150)}`;
        const text = JSON.stringify('['.repeat(5_000));
        const { data, copy } = whole(ours(`,"deep":${deep},"text":${text},"quote":"\\"[{"`));
        expect(data).toEqual({ deep: JSON.parse(deep), text: '['.repeat(5_000), quote: '"[{' });
        expect(copy).toEqual(data);
    });

    test('up to 200 levels are read, however many lists and objects stand side by side', () => {
        const wide = `[${'{"a":[]},'.repeat(600)}{"b":{}}]`;
        const nest = (levels: number) => `${'[{"a":'.repeat(levels / 2)}0${'}]'.repeat(levels / 2)}`;
        const quoted = JSON.stringify(`"${'[{'.repeat(300)}\\`);
        const padding = 'x'.repeat(4_000);
        const at = (levels: number) =>
            `,"wide":${wide},"quoted":${quoted},"deep":${nest(levels)},"padding":"${padding}"`;
        for (const read of [(body: string) => whole(ours(body)), (body: string) => live(`{"cookie":{}${body}}`)]) {
            expect(read(at(198)).data['wide']).toHaveLength(601);
            expect(read(`,"one":[${nest(198)}],"padding":"${padding}"`).data).toHaveProperty('one');
            expect(() => read(at(200))).toThrow('it is nested too deeply');
            expect(() => read(`,"one":[${nest(200)}],"padding":"${padding}"`)).toThrow('it is nested too deeply');
        }
    });

    test('levels are counted, whatever stands side by side or in texts', () => {
        for (const text of ['[[{}],[{}],[{}],"[[[[["]', '{"a":{"b":[1,null]},"c":{},"d":{},"e":{}}']) {
            expect([2, 3].map((levels) => isDeeperThan(text, levels))).toEqual([true, false]);
        }
    });

    test('a text may say __proto__, and hold what JSON writes in escapes', () => {
        const data = { text: '__proto__', nul: '\u0000', list: ['a\u001fb', '\\u005f_proto__'] };
        expect(whole(ours(`,${JSON.stringify(data).slice(1, -1)}`)).data).toEqual(data);
        expect(stock({}, data).data).toEqual(data);
    });

    test.each<[keyof StoredCookie, unknown[], unknown[]]>([
        ['originalMaxAge', [undefined, null, false, 0, 1.5, 1_000], [true, '1000', {}]],
        ['expires', [undefined, null, true, false, '2026-03-01T12:00:00.000Z'], ['soon', '', 1, {}]],
        ['path', [undefined, null, '/', ''], [1, true, {}]],
        ['domain', [undefined, null, 'example.com'], [1, false, []]],
        ['httpOnly', [undefined, null, true, false], ['true', 1]],
        ['secure', [undefined, null, true, false, 'auto'], ['true', 1, {}]],
        ['sameSite', [undefined, null, true, false, 'lax', 'Strict', 'NONE', 'auto'], ['loose', 1, {}]],
        ['partitioned', [undefined, null, true, false], ['true', 0]],
        ['priority', [undefined, null, 'low', 'Medium', 'HIGH'], ['highest', 1, true]],
    ])('%s of a stock cookie may be what express-session writes there, and nothing else', (name, fine, wrong) => {
        for (const value of fine) {
            expect(stock({ [name]: value }), JSON.stringify(value)).toMatchObject({ kind: 'live', data: {} });
        }
        for (const value of wrong) {
            expect(() => stock({ [name]: value }), JSON.stringify(value)).toThrow('it has no valid cookie part');
        }
    });

    test('a stock record tells by its cookie when it was last seen, where no last access does', () => {
        const expires = new Date(NOW + MINUTE).toISOString();
        expect(stock({ originalMaxAge: 5 * MINUTE, expires })).toMatchObject({
            seen: NOW - 4 * MINUTE,
            isAhead: false,
        });
        const told = { __lastAccess: NOW - 2 * MINUTE };
        expect(stock({ originalMaxAge: 5 * MINUTE, expires }, told)).toMatchObject({ seen: NOW - 2 * MINUTE });
        for (const cookie of [
            { expires },
            { originalMaxAge: 5 * MINUTE },
            { originalMaxAge: null, expires: null },
            {},
        ]) {
            expect(stock(cookie)).toMatchObject({ seen: NOW, created: NOW, isAhead: false });
        }
    });

    test('a session began when it says so, or when it was last seen', () => {
        const seen = { __lastAccess: NOW - MINUTE };
        expect(stock({}, seen)).toMatchObject({ seen: NOW - MINUTE, created: NOW - MINUTE });
        const began = { ...seen, __sosise: { created: NOW - 9 * MINUTE } };
        expect(stock({}, began)).toMatchObject({ seen: NOW - MINUTE, created: NOW - 9 * MINUTE });
        expect(stock({}, { __lastAccess: 'yesterday' })).toMatchObject({ seen: NOW });
    });

    test('what a clock that is ahead wrote counts from now, and is told apart from clocks that differ a little', () => {
        for (const [ahead, isAhead] of [
            [MINUTE, false],
            [MINUTE + 1, true],
        ] as const) {
            const later = NOW + ahead;
            const own = liveRecord({ seen: later, created: NOW, login: undefined }, age, '');
            expect(live(own)).toMatchObject({ seen: NOW, created: NOW, isAhead });
            const begun = liveRecord({ seen: NOW, created: later, login: undefined }, age, '');
            expect(live(begun)).toMatchObject({ seen: NOW, created: NOW, isAhead });
            expect(stock({}, { __lastAccess: later })).toMatchObject({ seen: NOW, created: NOW, isAhead });
            const stockBegun = { __lastAccess: NOW, __sosise: { created: later } };
            expect(stock({}, stockBegun)).toMatchObject({ seen: NOW, created: NOW, isAhead });
        }
    });

    test.each<[string, number, number]>([
        ['a minute ago', -MINUTE, NOW - MINUTE],
        ['a minute ahead, by another clock', MINUTE, NOW],
        ['longer ahead than clocks differ: nobody can say when', MINUTE + 1, 0],
    ])('a login %s', (_when, offset, at) => {
        const login = { user: '7', at: NOW + offset, address: '127.0.0.1' };
        expect(live(ours('', { login })).login).toEqual({ ...login, at });
        expect(stock({}, { __sosise: { login } }).login).toEqual({ ...login, at });
    });

    test('a login that a device has bound', () => {
        const login = { user: '7', at: NOW, binding: 'id', deviceKey: 'key', proved: NOW - MINUTE };
        expect(live(ours('', { login })).login).toEqual(login);
    });

    test('it names the settings of its cookie that are its own, or does not say', () => {
        expect(live(ours('', { own: ['path', 'maxAge'] })).own).toEqual(['path', 'maxAge']);
        expect(live(ours('', { own: [] })).own).toEqual([]);
        expect(live(ours()).own).toBeUndefined();
        expect(stock({}, { __sosise: { own: ['secure'] } }).own).toEqual(['secure']);
        expect(stock({}, { __sosise: { own: 'secure' } }).own).toBeUndefined();
        expect(stock({}).own).toBeUndefined();
    });

    test('it says whether a page may find something flashed in it', () => {
        const key = `${FLASH}message:abcdefgh`;
        expect(live(ours(`,"${key}":{"value":1}`)).mayHoldFlash).toBe(true);
        expect(live(ours(',"message":1')).mayHoldFlash).toBe(false);
        expect(stock({}, { a: 1, [key]: 1 }).mayHoldFlash).toBe(true);
        expect(stock({}, { a: 1, message: key }).mayHoldFlash).toBe(false);
    });

    test('names that data can not have are left out, and what only looks flashed', () => {
        const data = { save: 1, id: 2, [`${FLASH}x`]: 3, kept: 4, [`${FLASH}message:abcdefgh`]: 5 };
        const kept = { kept: 4, [`${FLASH}message:abcdefgh`]: 5 };
        expect(live(ours(`,${JSON.stringify(data).slice(1, -1)}`)).data).toEqual(kept);
        expect(stock({}, data).data).toEqual(kept);
    });

    test('what a route gets of it is a copy', () => {
        for (const record of [live(ours(',"list":[1]')), stock({}, { list: [1] })]) {
            (record.copy()['list'] as number[]).push(2);
            expect(record.copy()).toEqual({ list: [1] });
            expect(record.data).toEqual({ list: [1] });
        }
    });

    test('the note of an end says when, how, and what took its place', () => {
        expect(parseRecord(endedRecord(NOW, 'migrated', { to: 'key', sealedId: 'sealed' }), NOW)).toEqual({
            kind: 'ended',
            at: NOW,
            reason: 'migrated',
            to: 'key',
            sealedId: 'sealed',
        });
        for (const reason of ['destroyed', 'regenerated', 'revoked', 'replaced', 'idle', 'absolute'] as const) {
            expect(parseRecord(endedRecord(NOW, reason), NOW)).toEqual({ kind: 'ended', at: NOW, reason });
        }
        const unknown = `{"__lastAccess":0,"__sosise":{"ended":5,"reason":"whim","to":1,"sealedId":{}},"cookie":{}}`;
        expect(parseRecord(unknown, NOW)).toEqual({ kind: 'ended', at: 5, reason: 'destroyed' });
    });

    test('what is left of an ended session is told by its text, without parsing it', () => {
        expect(isEndedRecord(endedRecord(NOW, 'idle'))).toBe(true);
        expect([ours(), ours(`,"a":${endedRecord(NOW, 'idle')}`), userRecord(NOW, new Map())].some(isEndedRecord)).toBe(
            false,
        );
    });

    test('a list of sessions has their keys and times, and none was written later than now', () => {
        const sessions = new Map([
            ['sha256-a', 1],
            ['sha256-b', 2],
        ]);
        expect(parseRecord(userRecord(NOW - 5, sessions), NOW)).toEqual({ kind: 'user', seen: NOW - 5, sessions });
        expect(parseRecord(userRecord(NOW + 5, sessions), NOW)).toEqual({ kind: 'user', seen: NOW, sessions });
        const moves = new Map([['sha256-b', 'sha256-a']]);
        expect(parseRecord(userRecord(NOW, sessions, moves), NOW)).toEqual({
            kind: 'user',
            seen: NOW,
            sessions,
            moves,
        });
    });
});
