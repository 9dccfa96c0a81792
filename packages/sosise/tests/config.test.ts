import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
    anyOf,
    appConfig,
    arrayOf,
    boolean,
    type ConfigDefinition,
    type ConfigFiles,
    ConfigRepository,
    defineAppConfig,
    defineConfig,
    env,
    func,
    instanceOf,
    integer,
    loadEnvironment,
    nullable,
    number,
    object,
    oneOf,
    optional,
    type Rule,
    record,
    string,
} from './helpers/inside/Config.js';

import { ConfigError } from './helpers/inside/Exceptions.js';
import { httpConfig } from './helpers/inside/Http.js';
import { STOCK } from './stock.js';

const environment = loadEnvironment(pathToFileURL(join(STOCK, 'src/bootstrap/app.ts')).href);

function repository(
    definitions: readonly ConfigDefinition[],
    files: ConfigFiles,
    overrides: ConfigFiles = {},
): ConfigRepository {
    return new ConfigRepository({ environment, definitions, files, overrides });
}

/** The lines about src/config/it.ts when `value` stands under `key` there. */
function complaints(rule: Rule, value: unknown, key = 'it'): string {
    const definition = { file: 'it', defaults: {}, rules: object({ [key]: rule }) };
    return messageOf(() => repository([definition], { it: { [key]: value } }));
}

function messageOf(work: () => unknown): string {
    try {
        work();
    } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        return (error as Error).message;
    }
    return 'nothing was thrown';
}

const sessionLike = {
    file: 'session',
    defaults: { enabled: false, resave: false, saveUninitialized: false, cookie: { path: '/', sameSite: 'lax' } },
    rules: object({
        enabled: boolean(),
        resave: boolean(),
        saveUninitialized: boolean(),
        secret: optional(anyOf(string({ minLength: 32 }), arrayOf(string({ minLength: 32 })))),
        cookie: object({
            path: string(),
            sameSite: anyOf(boolean(), oneOf('lax', 'strict', 'none')),
            maxAge: optional(integer({ min: 0, unit: 'milliseconds' })),
        }),
    }),
} satisfies ConfigDefinition;

describe('a repository', () => {
    test('lays overrides over the file over the defaults, key by key', () => {
        const config = repository(
            [sessionLike],
            { session: { enabled: true, cookie: { sameSite: 'strict' } } },
            { session: { cookie: { maxAge: 5 } } },
        );
        expect(config.get('session')).toEqual({
            enabled: true,
            resave: false,
            saveUninitialized: false,
            cookie: { path: '/', sameSite: 'strict', maxAge: 5 },
        });
    });

    test('takes undefined for unset, and lets lists, functions and instances replace what lies under them', () => {
        const when = new Date(0);
        const genid = (): string => 'x';
        const definition = { file: 'it', defaults: { a: 1, list: [1, 2], part: { b: 1 } }, rules: () => {} };
        const config = repository([definition], {
            it: { a: undefined, list: [3], part: when, genid, none: undefined },
        });
        const value = config.get<Record<string, unknown>>('it');
        expect(value).toEqual({ a: 1, list: [3], part: when, genid });
        expect(Object.keys(value)).not.toContain('none');
        expect(value['part']).toBe(when);
        expect(value['genid']).toBe(genid);
    });

    test('calls defaults that depend on the environment with it', () => {
        const definition = {
            file: 'it',
            defaults: (given: typeof environment) => ({ root: given.root }),
            rules: ((value, at) => expect(at.environment.root).toBe((value as { root: string }).root)) satisfies Rule,
        };
        expect(repository([definition], {}).get('it')).toEqual({ root: environment.root });
    });

    test('freezes copies of objects and lists, all the way down, and nothing of yours', () => {
        class Client {
            public open = false;
        }
        const client = new Client();
        const helper = (): void => {};
        const file = { nested: { list: [{ a: 1 }] }, client, helper };
        const value = repository([], { mine: file }).get<typeof file>('mine');
        expect(value).toEqual(file);
        for (const part of [value, value.nested, value.nested.list, value.nested.list[0]]) {
            expect(Object.isFrozen(part)).toBe(true);
        }
        expect(value.client).toBe(client);
        for (const part of [file, file.nested, file.nested.list, client, helper]) {
            expect(Object.isFrozen(part)).toBe(false);
        }
    });

    test('accepts files of your own unvalidated, and definitions without a file', () => {
        const config = repository(
            [sessionLike],
            { mail: { host: 'localhost' } },
            { mail: { port: 25 }, extra: { a: 1 } },
        );
        expect(config.get('mail')).toEqual({ host: 'localhost', port: 25 });
        expect(config.get('extra')).toEqual({ a: 1 });
        expect(config.get('session')).toEqual(sessionLike.defaults);
    });

    test('lets no key reach a prototype', () => {
        const evil: unknown = JSON.parse('{"__proto__": {"polluted": true}, "a": {"__proto__": {"polluted": true}}}');
        const value = repository([], { it: evil }, { it: evil }).get<Record<string, object>>('it');
        expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
        expect((value as Record<string, unknown>)['polluted']).toBeUndefined();
        expect(Object.getPrototypeOf(value['a'])).toBe(Object.prototype);
        expect(complaints(optional(string()), 'x', 'toString')).toBe('nothing was thrown');
        expect(messageOf(() => repository([sessionLike], { session: { constructor: 1 } }))).toBe(
            'src/config/session.ts: constructor is not a known key: known are enabled, resave, saveUninitialized, secret, cookie.',
        );
    });

    test('refuses data that contains itself', () => {
        const loop: Record<string, unknown> = { a: {} };
        loop['b'] = { back: loop };
        expect(messageOf(() => repository([], { it: loop }))).toBe(
            'src/config/it.ts: b.back contains itself: configuration is plain data without circles.',
        );
        const shared = { a: 1 };
        expect(repository([], { it: { x: shared, y: shared } }).get('it')).toEqual({ x: shared, y: shared });
    });

    test('names the known files when asked for another', () => {
        const config = repository([sessionLike], { mail: {} });
        expect(messageOf(() => config.get('sesion'))).toBe(
            'There is no configuration [sesion]. Known: mail, session. Did you mean [session]?',
        );
        expect(messageOf(() => config.get('queue'))).toBe('There is no configuration [queue]. Known: mail, session.');
    });

    test('tells every problem of every file in one error', () => {
        const files = {
            session: { enabled: 'false', saveUninitialised: true, cookie: { sameSite: 'laxx', maxAge: Number.NaN } },
            app: { name: '' },
        };
        expect(messageOf(() => repository([sessionLike, appConfig], files))).toBe(
            [
                'The configuration has 5 problems:',
                'src/config/session.ts: saveUninitialised is not a known key: did you mean saveUninitialized?',
                'src/config/session.ts: enabled is "false": allowed are true, false; use false without quotes.',
                'src/config/session.ts: cookie.sameSite is "laxx": allowed are true, false, "lax", "strict", "none"; did you mean "lax"?',
                'src/config/session.ts: cookie.maxAge is NaN: allowed are integers of at least 0 (milliseconds).',
                'src/config/app.ts: name is "": allowed are non-empty strings.',
            ].join('\n'),
        );
    });

    test.each([
        ['nothing', undefined],
        ['nothing', null],
        ['a list', []],
        ['a function', () => {}],
        ['a string', 'x'],
        ['an instance of Date', new Date()],
    ])('refuses a file that exports %s', (kind, exported) => {
        expect(messageOf(() => repository([sessionLike], { session: exported }))).toBe(
            `src/config/session.ts exports ${kind} by default: write export default { … } with a plain object.`,
        );
    });

    test('refuses an override whose file is misspelt', () => {
        expect(messageOf(() => repository([], { session: {} }, { sesion: { enabled: true } }))).toBe(
            'There is no config file for the override [sesion]: did you mean [session]?',
        );
    });

    test('refuses a file that nothing reads, where the one that it nearly is called is not there', () => {
        const definitions = [{ file: 'session', defaults: {}, rules: () => {} }];
        expect(messageOf(() => repository(definitions, { sesion: {} }))).toBe(
            'src/config/sesion.ts: nothing reads it, and there is no src/config/session.ts: rename it to session.ts, or give it another name.',
        );
        expect(repository(definitions, { session: {}, sessions: {} }).names()).toEqual(['session', 'sessions']);
    });
});

describe('rules', () => {
    const is = (text: string): string => `src/config/it.ts: it ${text}`;

    test.each<[string, Rule, unknown, string]>([
        ['a missing value', string(), undefined, 'is missing: allowed are strings.'],
        ['boolean()', boolean(), 1, 'is 1: allowed are true, false.'],
        ['boolean() in quotes', boolean(), 'true', 'is "true": allowed are true, false; use true without quotes.'],
        ['string()', string(), 5, 'is 5: allowed are strings.'],
        [
            'string() with a length',
            string({ minLength: 8 }),
            'ab',
            'is "ab": allowed are strings of at least 8 characters.',
        ],
        ['string() with a pattern', string({ pattern: /^a/g }), 'b', 'is "b": allowed are strings that match /^a/g.'],
        ['string() with words', string({ allowed: 'cookie names' }), null, 'is null: allowed are cookie names.'],
        ['integer()', integer(), 1.5, 'is 1.5: allowed are integers.'],
        ['integer() too large to count', integer(), 1e300, 'is 1e+300: allowed are integers.'],
        ['integer() and NaN', integer(), Number.NaN, 'is NaN: allowed are integers.'],
        ['integer() and Infinity', integer({ min: 1 }), Infinity, 'is Infinity: allowed are integers of at least 1.'],
        ['integer() below', integer({ min: 0, max: 9 }), -1, 'is -1: allowed are integers from 0 to 9.'],
        ['integer() above', integer({ max: 9 }), 10, 'is 10: allowed are integers of at most 9.'],
        ['integer() in quotes', integer(), '80', 'is "80": allowed are integers; use 80 without quotes.'],
        ['integer() in quotes, too small', integer({ min: 99 }), '80', 'is "80": allowed are integers of at least 99.'],
        ['number()', number({ min: 0, unit: 's' }), -Infinity, 'is -Infinity: allowed are numbers of at least 0 (s).'],
        ['oneOf()', oneOf('a', 1, null), 'zzz', 'is "zzz": allowed are "a", 1, null.'],
        [
            'oneOf() in quotes',
            oneOf(false, 'a'),
            'false',
            'is "false": allowed are false, "a"; use false without quotes.',
        ],
        [
            'oneOf() in capitals',
            oneOf('lax', 'none'),
            'Lax',
            'is "Lax": allowed are "lax", "none"; did you mean "lax"?',
        ],
        ['arrayOf()', arrayOf(string()), 'a', 'is "a": allowed are lists.'],
        ['anyOf()', anyOf(boolean(), integer(), func()), 'x', 'is "x": allowed are true, false, integers, functions.'],
        ['nullable()', nullable(string()), 5, 'is 5: allowed are strings, null.'],
        ['optional() and null', optional(string()), null, 'is null: allowed are strings.'],
        ['func()', func(), {}, 'is {}: allowed are functions.'],
        ['instanceOf()', instanceOf(Date), 'now', 'is "now": allowed are instances of Date.'],
        ['object()', object({}), [], 'is []: allowed are plain objects.'],
        ['record()', record(string()), 1, 'is 1: allowed are plain objects.'],
        ['a function as value', string(), () => {}, 'is a function: allowed are strings.'],
        ['an instance as value', string(), new Map(), 'is an instance of Map: allowed are strings.'],
        ['words of its own', (_, at) => at.say('is refused: leave it out'), 1, 'is refused: leave it out.'],
    ])('%s says what is wrong', (_, rule, value, sentence) => {
        expect(complaints(rule, value)).toBe(is(sentence));
    });

    test.each<[string, Rule, unknown]>([
        ['boolean()', boolean(), false],
        ['string()', string(), ''],
        ['string() with a sticky pattern', string({ pattern: /a/g }), 'a'],
        ['integer()', integer({ min: -3, max: 5 }), -3],
        ['number()', number({ max: 1 }), 0.5],
        ['arrayOf()', arrayOf(integer()), [1, 2]],
        ['anyOf()', anyOf(boolean(), oneOf('auto')), 'auto'],
        ['optional()', optional(string()), undefined],
        ['nullable()', nullable(string()), null],
        ['func()', func(), () => {}],
        ['instanceOf()', instanceOf(Date), new Date()],
        ['object() left open', object({ a: integer() }, { open: true }), { a: 1, b: 2 }],
        ['record()', record(integer()), { a: 1, b: 2 }],
    ])('%s accepts what is right', (_, rule, value) => {
        expect(complaints(rule, value)).toBe('nothing was thrown');
    });

    test('report the place of items and keys further down', () => {
        expect(complaints(arrayOf(object({ a: integer() })), [{ a: 1 }, { a: 'x' }])).toBe(
            'src/config/it.ts: it[1].a is "x": allowed are integers.',
        );
        expect(complaints(record(integer()), { 'x y': true })).toBe(
            'src/config/it.ts: it["x y"] is true: allowed are integers.',
        );
        expect(complaints(object({ sameSite: boolean() }), { sameSite: true, samesite: true })).toBe(
            'src/config/it.ts: it.samesite is not a known key: did you mean it.sameSite?',
        );
    });

    test('of an anyOf() report the one whose shape the value has', () => {
        expect(complaints(anyOf(string(), arrayOf(string())), ['a', 5])).toBe(
            'src/config/it.ts: it[1] is 5: allowed are strings.',
        );
    });

    test('print long values short', () => {
        expect(complaints(integer(), 'x'.repeat(200))).toBe(
            `src/config/it.ts: it is "${'x'.repeat(58)}…: allowed are integers.`,
        );
    });

    test('never print what may be secret', () => {
        const hidden = 'is a string (not shown): allowed are integers.';
        for (const key of ['secret', 'password', 'token', 'key', 'apiKey', 'SESSION_SECRET', 'passphrase']) {
            expect(complaints(integer(), '12', key)).toBe(`src/config/it.ts: ${key} ${hidden}`);
        }
        expect(complaints(oneOf('hunter2'), 'hunter3', 'password')).not.toContain('hunter3');
        expect(complaints(object({ a: arrayOf(integer()) }), { a: ['hunter2'] }, 'secret')).toBe(
            `src/config/it.ts: secret.a[0] ${hidden}`,
        );
        expect(complaints(string(), { password: 'hunter2', host: 'x', f: () => {} })).toBe(
            is('is {"password":"(not shown)","host":"x","f":"a function"}: allowed are strings.'),
        );
        expect(complaints(integer(), 'redis://me:hunter2@host/0')).toBe(
            is('is "redis://…@host/0": allowed are integers.'),
        );
        expect(complaints(string({ minLength: 32 }), '', 'secret')).toBe(
            'src/config/it.ts: secret is "": allowed are strings of at least 32 characters.',
        );
    });
});

describe('env', () => {
    afterEach(() => vi.unstubAllEnvs());

    function given<T>(value: string | undefined, read: () => T, name = 'NAME'): T {
        vi.stubEnv(name, value);
        return read();
    }

    test('gives the fallback, or undefined, for variables that are unset or blank', () => {
        for (const value of [undefined, '', '  ']) {
            expect(given(value, () => env.string('NAME', 'a'))).toBe('a');
            expect(given(value, () => env.string('NAME'))).toBeUndefined();
            expect(given(value, () => env.integer('NAME', 1))).toBe(1);
            expect(given(value, () => env.boolean('NAME', true))).toBe(true);
            expect(given(value, () => env.boolean('NAME', null))).toBeNull();
            expect(given(value, () => env.list('NAME', ['a']))).toEqual(['a']);
            expect(given(value, () => env.oneOf('NAME', ['a', 'b'], 'b'))).toBe('b');
        }
        expect(given(' , ', () => env.list('NAME'))).toBeUndefined();
    });

    test('reads each type', () => {
        expect(given(' a b ', () => env.string('NAME'))).toBe(' a b ');
        expect(given(' 80 ', () => env.integer('NAME'))).toBe(80);
        expect(given('-3', () => env.integer('NAME'))).toBe(-3);
        expect(given('FALSE', () => env.boolean('NAME', true))).toBe(false);
        expect(given('true', () => env.boolean('NAME'))).toBe(true);
        expect(given('a, b,,c ', () => env.list('NAME'))).toEqual(['a', 'b', 'c']);
        expect(given('https://a.example, http://localhost:5173', () => env.origins('NAME', []))).toEqual([
            'https://a.example',
            'http://localhost:5173',
        ]);
        const level: 'debug' | 'info' = given('debug', () => env.oneOf('NAME', ['debug', 'info'], 'info'));
        expect(level).toBe('debug');
    });

    test('a variable that is required is given as it is, or named with the file that needs it', async () => {
        expect(given(' a ', () => env.required('NAME'))).toBe(' a ');
        const folder = mkdtempSync(join(tmpdir(), 'config-'));
        onTestFinished(() => rmSync(folder, { recursive: true }));
        const readers = new URL('../src/Config/env.ts', import.meta.url).pathname;
        for (const value of [undefined, '', '  ']) {
            expect(messageOf(() => given(value, () => env.required('NAME')))).toBe(
                'The application needs NAME: set it in .env or in the environment.',
            );
        }
        mkdirSync(join(folder, 'src/config'), { recursive: true });
        const file = join(folder, 'src/config/mail.ts');
        writeFileSync(file, `import { env } from '${readers}';\nexport default { key: env.required('MAIL_KEY') };\n`);
        await expect(import(file)).rejects.toThrow(
            'src/config/mail.ts needs MAIL_KEY: set it in .env or in the environment.',
        );
    });

    test.each([
        [undefined, false],
        ['false', false],
        ['True', true],
        ['0', 0],
        ['2', 2],
        ['loopback', ['loopback']],
        ['10.0.0.0/8 , 192.0.2.1,fd00::/8,::1', ['10.0.0.0/8', '192.0.2.1', 'fd00::/8', '::1']],
    ])('reads the proxies that are trusted from %j', (value, trusted) => {
        const read: boolean | number | string[] = given(value, () => env.proxies('NAME', false));
        expect(read).toEqual(trusted);
        expect(() => repository([httpConfig], { http: { trustProxy: read } })).not.toThrow();
    });

    test('refuses what is no proxy and no origin, and names the variable', () => {
        const trust = (value: string) =>
            messageOf(() => given(value, () => env.proxies('TRUST_PROXY', false), 'TRUST_PROXY'));
        const use = 'use the number of proxies in front, their addresses such as loopback,10.0.0.0/8, or false';
        expect(trust('flase')).toBe(
            `TRUST_PROXY="flase" names no proxies: ${use} (from .env or the environment); did you mean "false"?`,
        );
        for (const value of [
            '-1',
            '1.5',
            '100',
            'nginx',
            ',',
            '1,2',
            '10.0.0.0/33',
            '10.0.0.0/0',
            '::1/129',
            '10.0.0.0/8/8',
            '/8',
        ]) {
            expect(trust(value), value).toBe(
                `TRUST_PROXY="${value}" names no proxies: ${use} (from .env or the environment).`,
            );
        }
        const origins = (value: string) =>
            messageOf(() => given(value, () => env.origins('TRUSTED_ORIGINS'), 'TRUSTED_ORIGINS'));
        const such = 'use origins such as https://app.example.com, separated by commas (from .env or the environment)';
        expect(origins('https://a.example,b.example/')).toBe(
            `TRUSTED_ORIGINS="b.example/" is no origin: ${such}; write "https://b.example".`,
        );
        expect(origins('*')).toBe(`TRUSTED_ORIGINS="*" is no origin: ${such}.`);
    });

    test('refuses each wrong value with a sentence', () => {
        expect(messageOf(() => given('flase', () => env.boolean('SESSION_SECURE'), 'SESSION_SECURE'))).toBe(
            'SESSION_SECURE="flase" is not a boolean: use true or false (from .env or the environment).',
        );
        expect(messageOf(() => given('abc', () => env.integer('LISTEN_PORT', 10000), 'LISTEN_PORT'))).toBe(
            'LISTEN_PORT="abc" is not an integer: use a whole number such as 10000 (from .env or the environment).',
        );
        for (const value of ['1.5', '1e3', '0x10', 'Infinity', 'NaN', '99999999999999999999']) {
            expect(messageOf(() => given(value, () => env.integer('NAME')))).toBe(
                `NAME="${value}" is not an integer: use a whole number such as 10 (from .env or the environment).`,
            );
        }
        expect(messageOf(() => given('inffo', () => env.oneOf('NAME', ['debug', 'info'])))).toBe(
            'NAME="inffo" is not allowed: use one of debug, info (from .env or the environment); did you mean "info"?',
        );
    });

    test.each(['MY_SECRET', 'API_KEY', 'DB_PASSWORD', 'TOKEN_TTL'])('never prints the value of %s', (name) => {
        expect(messageOf(() => given('hunter2', () => env.integer(name, 5), name))).toBe(
            `${name} is not an integer (its value is not shown): use a whole number such as 5 (from .env or the environment).`,
        );
        expect(messageOf(() => given('hunter2', () => env.oneOf(name, ['hunter3']), name))).toBe(
            `${name} is not allowed (its value is not shown): use one of hunter3 (from .env or the environment).`,
        );
    });
});

describe('the app config', () => {
    test('takes its name from sosise.json, and keys of your own', () => {
        const file = defineAppConfig({ name: undefined, colour: 'green' });
        expect(repository([appConfig], { app: file }).get('app')).toEqual({
            name: environment.manifest.name,
            colour: 'green',
        });
        expect(defineConfig({ a: 1 })).toEqual({ a: 1 });
    });
});
