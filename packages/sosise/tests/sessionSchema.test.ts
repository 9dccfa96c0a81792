import type { Request } from 'express';
import session from 'express-session';
import type { InferOutput } from 'sosise';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Browser } from './helpers/Browser.js';
import { authenticatedUser, exclusive, flash, flashed, increment, login } from './helpers/inside/Session.js';
import type { TestClient } from './helpers/inside/Testing.js';
import type { StandardSchema } from './helpers/inside/Validation.js';
import { loginRoutes } from './helpers/loginRoutes.js';
import { type SessionApp, SessionManager, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

type Keys = Record<string, unknown>;

const Cart = z.object({ item: z.string(), amount: z.number() });
/** Today's form. Earlier the cart was a text, and the name one text too. */
const schema = z.object({
    cart: Cart.optional(),
    theme: z.enum(['light', 'dark']).default('light'),
    name: z.never().optional(),
    first: z.string().optional(),
    last: z.string().optional(),
});
const upgrade = ({ cart, name }: Keys) => {
    const [first, last] = typeof name === 'string' ? name.split(' ') : [];
    return {
        ...(cart !== undefined && { cart: typeof cart === 'string' ? { item: cart, amount: 1 } : cart }),
        ...(first !== undefined && { first, last, name: undefined }),
    };
};
const OLD = { theme: 'light', cart: 'tea', name: 'Ada Lovelace', ofPassport: { user: 7 } };
const NEW = {
    theme: 'light',
    cart: { item: 'tea', amount: 1 },
    first: 'Ada',
    last: 'Lovelace',
    ofPassport: { user: 7 },
};

function start(settings: Keys = {}): Promise<SessionApp> {
    return sessionApp({
        session: { driver: 'memory', schema, upgrade, ...settings },
        routes: loginRoutes,
        boot: ({ container }) => container.make(SessionManager).extend('plain', () => new session.MemoryStore()),
    });
}

/** What a route sees. */
function see(client: TestClient): Promise<Keys> {
    return client.inRequest(keysOf);
}

function keysOf({ session: { cookie, ...keys } }: Request): Keys {
    return keys;
}

const put = (client: TestClient, keys: Keys) => client.withSession(keys);
const warnings = ({ log }: SessionApp) => log.filter(({ level }) => level === 'warning');

/** By hand: a number of which old records hold the text. */
const count: StandardSchema = {
    '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => {
            const { count } = value as Keys;
            return count === undefined || typeof count === 'number'
                ? { value: value as Keys }
                : { issues: [{ message: 'No number.', path: [{ key: 'count' }] }] };
        },
    },
};

describe.each([
    ['memory', {}],
    ['file', {}],
    ['file', { encrypt: true }],
    ['plain', {}],
])('a schema of the session, driver %s %j', (driver, settings) => {
    test('shows old data in the form of today, and a read stores nothing', async () => {
        const app = await start({ driver, ...settings });
        const client = put(app.client(), OLD);
        expect(await see(client)).toEqual(NEW);
        expect(await see(client)).toEqual(NEW);
        expect(await client.session()).toEqual(OLD);
        expect(warnings(app)).toEqual([]);
    });

    test('stores it with the next change, and leaves logins, flashed values and other keys alone', async () => {
        const app = await start({ driver, ...settings });
        const client = put(app.client(), OLD);
        await client.inRequest((request) => login(request, 7));
        await client.inRequest((request) => flash(request, 'status', 'Saved.'));
        await put(client, { theme: 'dark' }).session();
        expect(await client.session()).toEqual({ ...NEW, theme: 'dark' });
        const user = await client.inRequest((request) => [authenticatedUser(request), flashed(request, 'status')]);
        expect(user).toEqual(['7', 'Saved.']);
    });

    test('hides what it refuses, keeps it stored, and says which keys, once', async () => {
        const app = await start({ driver, ...settings, upgrade: undefined });
        const client = put(app.client(), { cart: 'secret tea', theme: 3, first: 'Ada' }).actingAs(7);
        for (let times = 0; times < 2; times += 1) {
            expect(await see(client)).toEqual({ theme: 'light', first: 'Ada' });
        }
        await put(client, { first: 'Mia' }).session();
        expect(await client.session()).toEqual({ cart: 'secret tea', theme: 3, first: 'Mia' });
        await put(client, { theme: 'dark' }).session();
        await client.inRequest(({ session }) => session.migrate());
        expect(await client.session()).toEqual({ cart: 'secret tea', theme: 'dark', first: 'Mia' });
        expect(await client.user()).toBe('7');
        expect(warnings(app)).toEqual([
            { level: 'warning', message: expect.any(String), context: { keys: ['theme', 'cart'] } },
        ]);
    });

    test('reload() and exclusive() show the form of today, too', async () => {
        const app = await start({ driver, ...settings });
        const client = put(app.client(), { first: 'Ada' });
        const seen = await client.inRequest(async (request) => {
            const before = keysOf(request);
            await put(client, OLD).session();
            await request.session.reload();
            const reloaded = keysOf(request);
            await put(client, { cart: 'coffee' }).session();
            await new Promise<void>((resolve) => void exclusive()(request, request.res as never, () => resolve()));
            return [before, reloaded, keysOf(request)];
        });
        expect(seen).toEqual([{ first: 'Ada', theme: 'light' }, NEW, { ...NEW, cart: { item: 'coffee', amount: 1 } }]);
    });

    test('changes of requests that upgrade the same session at once both stay', async () => {
        const app = await start({ driver, ...settings });
        const client = put(app.client(), OLD);
        await client.session();
        const both = meeting(2);
        const change = (key: string, value: string) =>
            client.inRequest(async ({ session }) => {
                void session['cart'];
                await both();
                session[key] = value;
            });
        await Promise.all([change('first', 'Mia'), change('theme', 'dark')]);
        expect(await client.session()).toEqual({ ...NEW, first: 'Mia', theme: 'dark' });
    });
});

describe('defaults of the schema', () => {
    const counting = z.object({ views: z.number().default(0), list: z.array(z.string()).default([]) });

    test('are there for a visitor of whom nothing is stored, who gets no cookie for it', async () => {
        const app = await start({ schema: counting, upgrade: undefined });
        const client = app.client();
        expect(await see(client)).toEqual({ views: 0, list: [] });
        expect(await client.session()).toBeUndefined();
        await client.inRequest(({ session }) => void (session['list'] as string[]).push('tea'));
        expect(await client.session()).toEqual({ views: 0, list: ['tea'] });
        await client.inRequest((request) => increment(request, 'views'));
        expect(await client.session()).toEqual({ views: 1, list: ['tea'] });
    });

    test('are not shared, also where the schema gives everybody the same', async () => {
        const list: string[] = [];
        const validate = (value: unknown) => ({ value: { list, ...(value as Keys) } });
        const app = await start({
            schema: { '~standard': { version: 1, vendor: 'test', validate } },
            upgrade: undefined,
        });
        const clients = [app.client(), app.client(), put(app.client(), { own: 1 })];
        for (const client of clients) {
            await client.inRequest(({ session }) => void (session['list'] as string[]).push('tea'));
            expect((await see(client))['list']).toEqual(['tea']);
        }
        expect(list).toEqual([]);
    });

    test('are there after regenerate(), which stores an empty session', async () => {
        const app = await start({ schema: counting, upgrade: undefined });
        const client = put(app.client(), { views: 5 });
        await client.inRequest(({ session }) => session.regenerate());
        expect(await client.session()).toEqual({});
        expect(await see(client)).toEqual({ views: 0, list: [] });
    });
});

test('of two versions at work on one store neither takes away what the other has stored', async () => {
    const shared = { driver: 'file', drivers: { file: { path: temporaryFolder() } } };
    const older = z.object({ cart: z.string().optional(), theme: z.string().optional() });
    const before = (await start({ ...shared, schema: older, upgrade: undefined })).browser();
    const after = (await start(shared)).browser();
    const put = (browser: Browser, body: Keys) => browser.visit('/put', { method: 'POST', body });
    const seen = async (browser: Browser) => (await browser.json<{ data: Keys }>('/me')).data;
    await put(before, { cart: 'tea' });
    after.cookies.set('sosise', before.cookies.get('sosise') ?? '');
    expect(await seen(after)).toEqual({ cart: NEW.cart, theme: 'light' });
    expect(await seen(before)).toEqual({ cart: 'tea' });
    await put(after, { theme: 'dark' });
    expect(await seen(before)).toEqual({ theme: 'dark' });
    await put(before, { theme: 'light' });
    expect(await seen(after)).toEqual({ cart: NEW.cart, theme: 'light' });
    await put(before, { cart: 'coffee' });
    expect(await seen(after)).toEqual({ cart: { item: 'coffee', amount: 1 }, theme: 'light' });
});

describe('what a schema may be', () => {
    test('one of another library, or made by hand', async () => {
        const byValibot = v.object({ count: v.optional(v.number()), tags: v.optional(v.array(v.string()), ['new']) });
        const valibot = put((await start({ schema: byValibot, upgrade: undefined })).client(), { count: '1', own: 1 });
        expect(await see(valibot)).toEqual({ tags: ['new'], own: 1 });
        const toNumber = ({ count }: Keys) => ({ count: Number(count) });
        const byHand = put((await start({ schema: count, upgrade: toNumber })).client(), { count: '1', own: 1 });
        expect(await see(byHand)).toEqual({ count: 1, own: 1 });
    });

    test('one that makes Dates of their text: a read stores nothing', async () => {
        const since = z.object({ since: z.coerce.date().optional() });
        const app = await start({ schema: since, upgrade: undefined });
        const client = put(app.client(), { since: '2026-05-01T00:00:00Z' });
        expect(await see(client)).toEqual({ since: new Date('2026-05-01T00:00:00Z') });
        expect(await client.session()).toEqual({ since: '2026-05-01T00:00:00Z' });
        await client.inRequest(({ session }) => (session['since'] as Date).setUTCFullYear(2025));
        expect(await see(client)).toEqual({ since: new Date('2025-05-01T00:00:00Z') });
    });

    test('one that says of the whole what is wrong: then the keys that fit together stay', async () => {
        const whole = z.object({ a: z.number().optional(), b: z.number().optional() });
        const refined = whole.refine(({ a = 0, b = 0 }) => a + b < 10, 'Too much.');
        const app = await start({ schema: refined, upgrade: undefined });
        expect(await see(put(app.client(), { a: 5, b: 6, c: 7 }))).toEqual({ a: 5, c: 7 });
    });

    test.each<[string, Keys, string]>([
        [
            'no schema',
            { schema: { parse: () => 1 }, upgrade: undefined },
            'schema is {"parse":"a function"}: allowed are schemas of a Standard Schema library, such as zod.',
        ],
        [
            'an upgrade without one',
            { schema: undefined },
            'upgrade is never called without a schema: set schema, which says what old data is.',
        ],
        ['an upgrade that is none', { upgrade: 'cart' }, 'upgrade is "cart": allowed are functions.'],
        [
            'one that is asynchronous',
            { schema: z.object({}).refine(async () => true) },
            'schema is asynchronous, and request.session is read at once: take out what it waits for.',
        ],
        [
            'one without optional keys',
            { schema: z.object({ cart: Cart, theme: z.string() }) },
            'schema refuses an empty session, as new visitors have: make these optional, or give them defaults: cart, theme.',
        ],
        [
            'one that allows no other keys',
            { schema: z.strictObject({}) },
            'schema refuses keys that it does not name: packages keep some there, so let it ignore or allow them.',
        ],
        [
            'a default that JSON changes',
            { schema: z.object({ at: z.date().default(new Date(0)) }) },
            'schema does not accept what it gives (at) once that was stored as JSON: describe what is stored, and let upgrade change old data.',
        ],
    ])('%s stops the start', async (_, settings, message) => {
        await expect(start(settings)).rejects.toThrow(`src/config/session.ts: ${message}`);
    });
});

describe('with old data', () => {
    const errors = ({ log }: SessionApp) => log.filter(({ level }) => level === 'error').map(({ message }) => message);

    test.each<[string, Keys, string]>([
        [
            'that turns out to be asynchronous',
            {
                schema: z.object({
                    cart: z
                        .string()
                        .refine(async () => true)
                        .optional(),
                }),
            },
            'schema is asynchronous',
        ],
        [
            'that does not accept what it gives',
            {
                schema: z.object({
                    cart: z
                        .string()
                        .transform((text) => text.length)
                        .optional(),
                }),
            },
            'schema does not accept what it gives (cart)',
        ],
        [
            'with an upgrade that is asynchronous',
            { upgrade: async () => ({}) },
            'upgrade in src/config/session.ts has to return an object, or undefined, at once.',
        ],
    ])('a schema %s is a 500 that says so, and the session stays', async (_, settings, message) => {
        const app = await start(settings);
        const client = put(app.client(), { cart: 'tea' });
        expect((await client.get('/me')).status).toBe(500);
        expect(errors(app)).toEqual([expect.stringContaining(message)]);
        expect(await client.session()).toMatchObject({ cart: 'tea' });
    });

    test('an upgrade that throws is one that could not: the log says where, and nothing of the data', async () => {
        const app = await start({
            upgrade: ({ cart }: Keys) => {
                throw new TypeError(`No cart: ${cart}`);
            },
        });
        const client = put(app.client(), { cart: 'secret tea', first: 'Ada' });
        expect(await see(client)).toEqual({ first: 'Ada', theme: 'light' });
        expect(JSON.stringify(warnings(app))).not.toContain('secret tea');
        expect(warnings(app)[0]?.context).toEqual({
            error: 'TypeError',
            place: expect.stringContaining('sessionSchema.test.ts'),
        });
    });

    test('null is what a deleted key holds, unless the schema has a null for it', async () => {
        const nullish = z.object({
            cart: Cart.optional(),
            theme: z.string().default('light'),
            first: z.string().nullish(),
        });
        const app = await start({ schema: nullish, upgrade: () => expect.unreachable() });
        const client = put(app.client(), { cart: null, theme: null, first: null, other: null });
        expect(await see(client)).toEqual({ theme: 'light', first: null, other: null });
        expect(warnings(app)).toEqual([]);
    });

    test('request.sessionStore shows what a route sees, and what it is given back replaces only that', async () => {
        const app = await start({ upgrade: undefined });
        const client = put(app.client(), { cart: 'tea', first: 'Ada' });
        await client.inRequest(
            ({ sessionStore, sessionID }) =>
                new Promise<void>((resolve, reject) => {
                    sessionStore.get(sessionID, (error, found) => {
                        expect(found).toEqual({ cookie: expect.anything(), first: 'Ada', theme: 'light' });
                        const data = { ...found, first: 'Mia' } as session.SessionData;
                        sessionStore.set(sessionID, data, (failed) => (failed ? reject(failed) : resolve()));
                    });
                }),
        );
        expect(await client.session()).toEqual({ cart: 'tea', first: 'Mia', theme: 'light' });
    });
});

test('a schema types the keys: null and delete compile where it allows them', () => {
    const byValibot = v.object({ tags: v.optional(v.array(v.string()), []), note: v.nullish(v.string()) });
    interface ByZod extends InferOutput<typeof schema> {
        [key: string]: unknown;
    }
    interface ByValibot extends InferOutput<typeof byValibot> {
        [key: string]: unknown;
    }
    const typed = (zod: ByZod, valibot: ByValibot) => {
        const amount: number | undefined = zod.cart?.amount;
        const tag: string | undefined = valibot.tags[0];
        zod['users'] = null;
        valibot.note = null;
        delete zod.cart;
        // @ts-expect-error: the schema has no null for it
        zod['theme'] = null;
        // @ts-expect-error: it is always there
        delete zod.theme;
        return [amount, tag];
    };
    expect(typed).toBeTypeOf('function');
});

/** Lets go those who come to it once all have come. */
function meeting(size: number): () => Promise<void> {
    const waiting: (() => void)[] = [];
    return () =>
        new Promise((resolve) => {
            if (waiting.push(resolve) === size) {
                for (const go of waiting) {
                    go();
                }
            }
        });
}
