import type { Router } from 'express';
import { expect, test } from 'vitest';
import { bodyOf, entriesIn } from './helpers/inside/Session/Record.js';
import { increment } from './helpers/inside/Session.js';
import { sessionApp } from './helpers/sessionApp.js';

const circular: Record<string, unknown> = {};
circular.self = circular;
let deep: unknown = 1;
for (let level = 0; level < 5000; level += 1) {
    deep = [deep];
}

const unstorable: Record<string, [value: () => unknown, message: string]> = {
    bigint: [() => ({ amount: 10n }), "request.session.anything can't be stored: it holds a BigInt"],
    circular: [() => circular, "request.session.anything can't be stored: it refers to itself."],
    deep: [() => deep, "request.session.anything can't be stored: it is nested"],
    huge: [() => 'x'.repeat(1_100_000), 'Its largest keys: anything (1100002 bytes)'],
};

const reserved = [
    'id',
    'req',
    'save',
    'reload',
    'destroy',
    'regenerate',
    'migrate',
    'touch',
    'resetMaxAge',
    '__proto__',
    '~flash:',
    '~flash:mine',
    '~flash:mine:too',
];

function start(routes: (router: Router) => void, environment: 'test' | 'development' = 'development') {
    return sessionApp({ environment, session: { driver: 'memory' }, routes });
}

test.each(Object.entries(unstorable))('a %s value is a 500 that names the key', async (_kind, [value, message]) => {
    const app = await start((router) => {
        router.get('/', (request, response) => {
            request.session['anything'] = value();
            response.json('stored');
        });
    });
    const response = await app.browser().visit('/');
    expect(response.status).toBe(500);
    expect(JSON.stringify(await response.json())).toContain(message);
    expect(response.headers.getSetCookie()).toEqual([]);
});

test('a session over maxBytes is refused, also where it would not be warned of yet', async () => {
    const app = await sessionApp({ environment: 'development', session: { maxBytes: 1_000 } });
    const client = app.client().withSession({ anything: 'x'.repeat(2_000) });
    await expect(client.get('/')).rejects.toThrow('more than the 1000 that it may have');
    expect(await client.session()).toBeUndefined();
});

test.each([...reserved, 'cookie'])('%s as a key gets a clear error', async (key) => {
    const app = await start((router) => {
        router.get('/', (request, response) => {
            (request.session as unknown as Record<string, unknown>)[key] = 'mine';
            response.json('stored');
        });
        router.get('/up-and-running', (_request, response) => {
            response.json(true);
        });
    });
    const response = await app.browser().visit('/');
    expect(response.status).toBe(500);
    expect(JSON.stringify(await response.json())).toContain(
        `request.session.${key} is used by the session itself: store your data under another key.`,
    );
    expect(await app.browser().json('/up-and-running')).toBe(true);
});

test.each(['constructor', 'toString', 'hasOwnProperty', 'a key with spaces', ''])(
    'the key %j is kept as any other',
    async (key) => {
        const app = await start((router) => {
            router.get('/set', (request, response) => {
                request.session[key] = 'kept';
                response.json('stored');
            });
            router.get('/get', (request, response) => {
                response.json(Object.hasOwn(request.session, key) && request.session[key]);
            });
        });
        const browser = app.browser();
        await browser.visit('/set');
        expect(await browser.json('/get')).toBe('kept');
    },
);

test('values that JSON can not hold are warned of in development, with their path', async () => {
    class Cart {
        public items = 1;
    }
    const app = await start((router) => {
        router.get('/', (request, response) => {
            request.session['a'] = { map: new Map() };
            request.session['b'] = [new Set()];
            request.session['c'] = new Cart();
            request.session['d'] = () => 1;
            request.session['e'] = { when: new Date(0), list: [1, 'two', null] };
            response.json('stored');
        });
    });
    await app.browser().visit('/');
    const warnings = app.log.filter(({ level }) => level === 'warning');
    expect(warnings.map(({ message }) => message)).toEqual([
        'request.session.a.map is a Map, which is stored as {}: store an array instead.',
        'request.session.b[0] is a Set, which is stored as {}: store an array instead.',
        'request.session.c is a Cart, which comes back as a plain object.',
        'request.session.d is a function, which is not stored.',
    ]);
});

class Cents extends Number {}
class Lines extends Array<string> {}
const symbol = Symbol('hidden');

/** What is kept in a session as it is or, with the warning's end, is not. */
const lossy: Record<string, [value: () => unknown, ...warnings: string[]]> = {
    'a list with a property': [
        () => Object.assign(['tea'], { total: 3 }),
        '.it.total is a property of an array, which is not stored.',
    ],
    'a key that is a symbol': [
        () => ({ deep: { [symbol]: 1 } }),
        '.it.deep[Symbol(hidden)] is under a symbol, which is not stored.',
    ],
    'a symbol': [() => ({ of: symbol }), '.it.of is a symbol, which is not stored.'],
    'a toJSON that gives undefined': [
        () => ({ card: { number: 4111, toJSON: () => undefined } }),
        '.it.card is an object with toJSON whose JSON is undefined, which is not stored.',
    ],
    'a toJSON that gives undefined, at the top': [
        () => ({ toJSON: () => undefined }),
        '.it is an object with toJSON whose JSON is undefined, which is not stored.',
    ],
    'a toJSON that gives null': [
        () => ({ toJSON: () => null }),
        '.it is an object with toJSON, which is stored as null.',
    ],
    'a toJSON that gives data': [() => ({ toJSON: () => ({ a: 1 }) })],
    'an invalid Date': [() => new Date('never'), '.it is an invalid Date, which is stored as null.'],
    'a URL': [() => ({ home: new URL('http://shop/') }), '.it.home is a URL, which comes back as text.'],
    'a Buffer': [() => Buffer.from('x'), '.it is a Buffer, which comes back as a plain object.'],
    'a boxed number': [() => new Cents(5), '.it is a Cents, which comes back as a number.'],
    'a list of a class': [() => Lines.from(['x']), '.it is a Lines, which comes back as a plain array.'],
    'what a list can not hold': [
        () => [undefined, () => 1, Number.NaN],
        '.it[0] is undefined, which is stored as null.',
        '.it[1] is a function, which is stored as null.',
        '.it[2] is NaN, which is stored as null.',
    ],
    // biome-ignore lint/suspicious/noSparseArray: what is tested
    'a list with a hole': [() => [, 1], '.it[0] is undefined, which is stored as null.'],
    'a function': [() => () => 1, '.it is a function, which is not stored.'],
    'what is plain': [
        () => ({ at: new Date(0), none: undefined, list: [[1], { a: null }], free: Object.create(null) }),
    ],
};

test.each(Object.entries(lossy))(
    '%s: development tells once what storing changes',
    async (_what, [value, ...warnings]) => {
        const app = await start((router) => {
            router.get('/', async (request, response) => {
                request.session['it'] = value();
                await request.session.save();
                request.session['also'] = 1;
                response.json('stored');
            });
        });
        const browser = app.browser();
        const told = () => app.log.splice(0).filter(({ level }) => level === 'warning');
        await browser.visit('/');
        expect(told().map(({ message }) => message)).toEqual(warnings.map((warning) => `request.session${warning}`));
        await browser.visit('/'); // a session that is stored already
        expect(told().map(({ message }) => message)).toEqual(warnings.map((warning) => `request.session${warning}`));
    },
);

test('a symbol on the session itself, and a property of a list that is stored: development tells', async () => {
    const app = await start((router) => {
        router.get('/', (request, response) => {
            request.session['list'] ??= ['tea'];
            response.json('stored');
        });
        router.get('/add', (request, response) => {
            Object.assign(request.session['list'] as string[], { total: 3 });
            Object.assign(request.session, { [symbol]: 1 });
            response.json('stored');
        });
    });
    const browser = app.browser();
    await browser.visit('/');
    await browser.visit('/add');
    expect(app.log.filter(({ level }) => level === 'warning').map(({ message }) => message)).toEqual([
        'request.session.list.total is a property of an array, which is not stored.',
        'request.session[Symbol(hidden)] is under a symbol, which is not stored.',
    ]);
});

test('elsewhere nothing is said', async () => {
    const app = await start((router) => {
        router.get('/', (request, response) => {
            request.session['it'] = new URL('http://shop/');
            response.json('stored');
        });
    }, 'test');
    await app.browser().visit('/');
    expect(app.log.filter(({ level }) => level === 'warning')).toEqual([]);
});

test('a session over its budget is warned of, with its largest keys', async () => {
    const app = await start((router) => {
        router.get('/', (request, response) => {
            request.session['small'] = 1;
            request.session['large'] = 'x'.repeat(20_000);
            response.json('stored');
        });
    });
    await app.browser().visit('/');
    const [warning] = app.log.filter(({ level }) => level === 'warning');
    expect(warning?.context).toEqual({ largestKeys: { large: 20_002, small: 1 } });
});

test('a nested __proto__ key is not stored', async () => {
    const app = await start((router) => {
        router.post('/', (request, response) => {
            request.session['body'] = JSON.parse('{"a":1,"b":{"__proto__":{"admin":true}}}');
            response.json('stored');
        });
        router.get('/', (request, response) => {
            response.json(request.session['body']);
        });
    });
    const browser = app.browser();
    await browser.visit('/', { method: 'POST' });
    expect(await browser.json('/')).toEqual({ a: 1, b: {} });
});

test('increments of parallel requests all count', async () => {
    const app = await start((router) => {
        router.get('/start', (request, response) => {
            request.session['count'] = 5;
            response.json('started');
        });
        router.get('/add', async (request, response) => {
            increment(request, 'count', 2);
            await new Promise((resolve) => setTimeout(resolve, 5));
            response.json(increment(request, 'other'));
        });
        router.get('/', (request, response) => {
            response.json([request.session['count'], request.session['other']]);
        });
        router.get('/text', (request, response) => {
            request.session['text'] = 'five';
            increment(request, 'text');
            response.json('never');
        });
    });
    const browser = app.browser();
    await browser.visit('/start');
    await Promise.all(Array.from({ length: 20 }, () => browser.copy().visit('/add')));
    expect(await browser.json('/')).toEqual([45, 20]);
    expect((await browser.visit('/text')).status).toBe(500);
});

test('the keys of a stored text are told apart as JSON.parse would, whatever they hold', () => {
    const odd = [
        '',
        '"',
        '\\',
        '\\"',
        '\\\\"',
        ',',
        ':',
        '{',
        '}',
        '[',
        ']',
        '\u2028',
        '\ud800',
        '\u0000',
        'ü',
        '"a":1,"b":{',
        ' ',
    ];
    const values: unknown[] = [...odd, 0, -1.5e300, true, false, null, [], {}, [[]], [{ a: [',', { b: '}"' }] }], odd];
    for (const keys of [1, 2, 5, odd.length]) {
        for (let shift = 0; shift < values.length; shift += 1) {
            const entries = odd
                .slice(0, keys)
                .map((key, index): [string, string] => [key, JSON.stringify(values[(index + shift) % values.length])]);
            expect([...entriesIn(bodyOf(entries))]).toEqual(entries);
        }
    }
    expect([...entriesIn('')]).toEqual([]);
    expect([...entriesIn(',"a":{"b":"\\\\\\""}')]).toEqual([['a', '{"b":"\\\\\\""}']]);
});
