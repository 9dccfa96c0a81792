import type { Request } from 'express';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ValidationException } from './helpers/inside/Exceptions.js';
import { SessionManager } from './helpers/inside/Session/Opening.js';
import { flash, oldInput, validationErrors } from './helpers/inside/Session.js';
import { type StandardSchema, type ValidateOptions, validate } from './helpers/inside/Validation.js';
import { PageBrowser } from './helpers/PageBrowser.js';
import { type SessionApp, type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';
import { interferedDriver } from './helpers/wrapDriver.js';

const zodOrder = z.object({
    email: z.email('That is no address.'),
    amount: z.coerce.number('A number, please.').min(1, 'At least one.'),
    items: z.array(z.object({ id: z.number('An id, please.') })).optional(),
});
const valibotOrder = v.object({
    email: v.pipe(v.string('That is no address.'), v.email('That is no address.')),
    amount: v.pipe(v.unknown(), v.transform(Number), v.number('A number, please.'), v.minValue(1, 'At least one.')),
    items: v.optional(v.array(v.object({ id: v.number('An id, please.') }))),
});

interface Setting extends SessionAppOptions {
    schema?: StandardSchema;
    validation?: ValidateOptions;
}

interface Shop extends SessionApp {
    visitor(): PageBrowser;
    errors(): string[];
}

async function shop({ schema = zodOrder, validation, ...options }: Setting = {}): Promise<Shop> {
    const app = await sessionApp({
        ...options,
        routes: (router) => {
            router.post('/orders', async (request, response) => {
                response.json({ accepted: await validate(request, schema, validation) });
            });
            router.get('/orders{/:email}', async (request, response) => {
                response.json({ accepted: await validate(request, schema, validation) });
            });
            router.get('/orders-form', (request, response) => {
                const fields = String(request.query['fields'] ?? 'email,amount').split(',');
                const old = Object.fromEntries(fields.map((field) => [field, oldInput(request, field)]));
                response.json({ errors: validationErrors(request), old });
            });
            router.post('/taken', (request) => {
                flash(request, 'status', 'not this one');
                throw new ValidationException(
                    { email: ['Taken.'] },
                    { message: 'No.', code: 3002, back: '/orders-form' },
                );
            });
        },
    });
    const errors = () => app.log.filter(({ level }) => level === 'error').map(({ message }) => message);
    return { ...app, errors, visitor: () => new PageBrowser(app.url) };
}

const ORDER = { email: 'mia@example.com', amount: 2 };
const NOTHING = { errors: {}, old: {} };

async function formOf(visitor: PageBrowser, path = '/orders-form'): Promise<unknown> {
    return JSON.parse(await visitor.get(path));
}

describe.each([
    ['zod', zodOrder],
    ['valibot', valibotOrder],
])('validate with %s', (_, schema: StandardSchema) => {
    test('gives what the schema makes of the body, of JSON and of a form', async () => {
        const visitor = (await shop({ schema })).visitor();
        expect(await visitor.json('/orders', { method: 'POST', body: { ...ORDER, extra: 1 } })).toEqual({
            accepted: ORDER,
        });
        const answer = await visitor.submit('/orders', { email: ORDER.email, amount: '2' }, '/orders-form');
        expect(await answer.json()).toEqual({ accepted: ORDER });
    });

    test('an API client gets a 422 in the envelope, with the messages by path', async () => {
        const { visitor, errors } = await shop({ schema });
        const body = { email: 'mia', amount: 0, items: [{ id: 1 }, { id: 'x' }] };
        const answer = await visitor().visit('/orders', {
            method: 'POST',
            body,
            headers: { accept: 'application/json' },
        });
        expect(answer.status).toBe(422);
        expect(await answer.json()).toEqual({
            code: 422,
            message: 'Please check what you have entered.',
            data: { email: ['That is no address.'], amount: ['At least one.'], 'items.1.id': ['An id, please.'] },
        });
        expect(errors()).toEqual([]);
    });

    test('a form goes back to its page, which shows the errors and what was typed, once', async () => {
        const visitor = (await shop({ schema })).visitor();
        const answer = await visitor.submit('/orders', { email: 'mia', amount: '0' }, '/orders-form?fields=email');
        expect(answer.status).toBe(303);
        expect(answer.headers.get('location')).toBe('/orders-form?fields=email');
        expect(JSON.parse(await visitor.get('/orders-form?fields=email', 'prefetch'))).toMatchObject({
            old: { email: 'mia' },
        });
        expect(await formOf(visitor, '/orders-form?fields=email,nothing,constructor')).toEqual({
            errors: { email: ['That is no address.'], amount: ['At least one.'] },
            old: { email: 'mia' },
        });
        expect(await formOf(visitor)).toEqual(NOTHING);
    });

    test('validates the query and the parameters of a route, and never sends a GET back', async () => {
        const query = (await shop({ schema, validation: { source: 'query', back: '/orders-form' } })).visitor();
        expect(await query.json('/orders?email=mia@example.com&amount=2')).toEqual({ accepted: ORDER });
        expect((await query.ask('/orders?amount=2')).status).toBe(422);
        const params = (await shop({ schema, validation: { source: 'params' } })).visitor();
        const refused = await params.ask('/orders/mia', 'page', { referer: `${params.origin}/orders-form` });
        expect(refused.status).toBe(422);
        expect(await refused.text()).toContain('<strong>email</strong>: ');
        expect(await params.json('/orders/mia')).toMatchObject({ data: { email: ['That is no address.'] } });
    });

    test('a request without a body lacks each field', async () => {
        const visitor = (await shop({ schema })).visitor();
        const answer = await visitor.visit('/orders', { method: 'POST' });
        expect(answer.status).toBe(422);
        const { data } = (await answer.json()) as { data: object };
        expect(Object.keys(data)).toContain('email');
    });
});

describe('a refused form', () => {
    const secrets = {
        password: 'p',
        password_confirmation: 'p',
        'user[newPassword]': 'p',
        _csrf: 't',
        api_token: 't',
        client_secret: 's',
        cardNumber: '4',
        cvc: '1',
        cvv2: '1',
        iban: 'DE',
        pin: '1',
        userPin: '1',
        otp: '1',
        ssn: '1',
        PWD: 'p',
        pass: 'p',
        user_pass: 'p',
        security_code: '1',
        kennwort: 'p',
        mot_de_passe: 'p',
        auth: 'a',
    };

    test('is given back without its secrets', async () => {
        const { visitor } = await shop();
        const browser = visitor();
        const harmless = { className: 'a', footprint: 'b', comment: 'c', passenger: 'd', author: 'e' };
        await browser.submit('/orders', { email: 'mia', ...secrets, ...harmless }, '/orders-form');
        const names = ['email', ...Object.keys(secrets), ...Object.keys(harmless)].join();
        expect(await formOf(browser, `/orders-form?fields=${encodeURIComponent(names)}`)).toMatchObject({
            old: { email: 'mia', ...harmless },
        });
    });

    test('has secrets that validate is told of', async () => {
        const isSecret = (field: string) => field === 'email';
        const visitor = (await shop({ validation: { isSecret } })).visitor();
        await visitor.submit('/orders', { email: 'mia', amount: '0', postcard: 'x' }, '/orders-form');
        expect(await formOf(visitor, '/orders-form?fields=email,postcard')).toMatchObject({ old: { postcard: 'x' } });
    });

    test('gives several fields of a name back as a list, and leaves out what is too long', async () => {
        const { visitor, errors } = await shop();
        const browser = visitor();
        const fields: [string, string][] = [
            ['tag', 'a'],
            ['tag', 'b'],
            ['essay', 'e'.repeat(9_000)],
            ['email', 'mia'],
        ];
        expect((await browser.submit('/orders', fields, '/orders-form')).status).toBe(303);
        const form = await formOf(browser, '/orders-form?fields=tag,essay,email');
        expect(form).toMatchObject({ old: { tag: ['a', 'b'], email: 'mia' } });
        expect(form).not.toHaveProperty('old.essay');
        expect(errors()).toEqual([]);
    });

    test('goes where the route says, and a controller may refuse one by itself', async () => {
        const visitor = (await shop({ validation: { back: '/orders-form#top' } })).visitor();
        const answer = await visitor.submit('/orders', { email: 'mia' });
        expect(answer.headers.get('location')).toBe('/orders-form#top');
        await formOf(visitor);
        expect((await visitor.submit('/taken', { email: 'mia' })).status).toBe(303);
        expect(await formOf(visitor)).toEqual({ errors: { email: ['Taken.'] }, old: { email: 'mia' } });
        const answered = await visitor.json('/taken', { method: 'POST', body: {} });
        expect(answered).toEqual({ code: 3002, message: 'No.', data: { email: ['Taken.'] } });
    });

    test.each([
        ['another origin', 'http://evil.example/orders-form'],
        ['this host under another port', 'http://127.0.0.1:1/orders-form'],
        ['a host in a path', '//evil.example/x'],
        ['a host behind backslashes', '/\\evil.example/x'],
        ['a host behind a dot', '/.//evil.example/x'],
        ['no URL', 'orders-form'],
        ['nothing', undefined],
    ])('never leads to another site: a Referer with %s gets a 422', async (_, referer) => {
        const visitor = (await shop()).visitor();
        const own = referer?.startsWith('/') ? `${visitor.origin}${referer}` : referer;
        const answer = await visitor.submit('/orders', { email: 'mia' }, undefined, own ? { referer: own } : {});
        expect(answer.status).toBe(422);
        expect(answer.headers.get('location')).toBeNull();
        expect(visitor.received).toEqual([]);
    });

    test.each([
        'https://evil.example',
        '//evil.example',
        '/\\evil.example',
        '/\t/evil.example',
        '/.//evil.example',
        'orders-form',
        '',
    ])('does not take %j for a page to go back to', async (back) => {
        const { visitor, errors } = await shop({ validation: { back } });
        expect((await visitor().submit('/orders', { email: 'mia@example.com', amount: '1' })).status).toBe(500);
        expect(errors()).toEqual(['back has to be a path of this application, such as /profile/edit.']);
    });

    test.each<[string, SessionAppOptions, Record<string, string>]>([
        ['a fetch', {}, { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
        ['a client that takes JSON', {}, { accept: 'application/json' }],
    ])('is a 422 for %s', async (_, options, headers) => {
        const visitor = (await shop(options)).visitor();
        const answer = await visitor.submit('/orders', { email: 'mia' }, '/orders-form', headers);
        expect(answer.status).toBe(422);
        expect(await answer.json()).toMatchObject({ code: 422, data: { email: ['That is no address.'] } });
    });

    test.each<[string, SessionAppOptions]>([
        ['an application without sessions', { session: { enabled: false } }],
        ['a visitor who can not get the cookie', { session: { cookie: { secure: true } } }],
        ['a browser that does not say from which page', {}],
        ['a browser in development', { environment: 'development' }],
    ])('is a page that lists the messages for %s', async (_, options) => {
        const answer = await (await shop(options)).visitor().submit('/orders', { email: '<mia>', amount: '2' });
        expect([answer.status, answer.headers.get('content-type')]).toEqual([422, 'text/html; charset=utf-8']);
        const page = await answer.text();
        expect(page).toContain('<p>Please check what you have entered.</p>');
        expect(page).toContain('<ul><li><strong>email</strong>: That is no address.</li></ul>');
        expect(page).not.toContain('mia');
    });

    test('is a 422 while the store can not be read, and a 503 while it can not be written', async () => {
        const broken = { read: false, write: false };
        const fail = (what: 'read' | 'write') => () => {
            if (broken[what]) {
                throw new Error('on purpose');
            }
        };
        const driver = interferedDriver({ read: fail('read'), write: fail('write') });
        const { visitor } = await shop({
            session: { driver: 'broken' },
            boot: (app) => app.container.make(SessionManager).extend('broken', () => driver),
        });
        const browser = visitor();
        await browser.submit('/orders', { email: 'mia' }, '/orders-form');
        broken.read = true;
        expect((await browser.submit('/orders', { email: 'mia' }, '/orders-form')).status).toBe(422);
        Object.assign(broken, { read: false, write: true });
        expect((await browser.submit('/orders', { email: 'mia' }, '/orders-form')).status).toBe(503);
    });
});

describe('validate', () => {
    const schemaThat = (run: () => never): StandardSchema => ({
        '~standard': { version: 1, vendor: 'test', validate: run },
    });

    test('a schema that throws is a 500, and what is no schema is told so', async () => {
        const thrown = schemaThat(() => {
            throw new TypeError('a bug in the schema');
        });
        const { visitor, errors } = await shop({ schema: thrown });
        expect((await visitor().submit('/orders', {}, '/orders-form')).status).toBe(500);
        const noSchema = await shop({ schema: {} as StandardSchema });
        expect((await noSchema.visitor().submit('/orders', {}, '/orders-form')).status).toBe(500);
        expect([...errors(), ...noSchema.errors()]).toEqual([
            'a bug in the schema',
            'validate(request, schema) needs a schema of a Standard Schema library, such as zod.',
        ]);
    });

    test('waits for schemas that ask elsewhere, and puts what concerns the whole under the empty name', async () => {
        const schema = z.object({ a: z.string(), b: z.string() }).refine(async ({ a, b }) => a === b, 'Not the same.');
        const visitor = (await shop({ schema })).visitor();
        const refused = await visitor.visit('/orders', { method: 'POST', body: { a: '1', b: '2' } });
        expect(await refused.json()).toMatchObject({ data: { '': ['Not the same.'] } });
        const accepted = await visitor.json('/orders', { method: 'POST', body: { a: '1', b: '1' } });
        expect(accepted).toEqual({ accepted: { a: '1', b: '1' } });
    });

    test('types what it gives by the schema', () => {
        const typed = async (request: Request) => {
            const byZod: { email: string; amount: number } = await validate(request, zodOrder);
            const byValibot: { email: string; amount: number } = await validate(request, valibotOrder);
            // @ts-expect-error: the schema makes a number of it
            const wrong: string = byZod.amount;
            return { byZod, byValibot, wrong };
        };
        expect(typed).toBeTypeOf('function');
    });

    test('without sessions the helpers of a form page say what to do', async () => {
        const { visitor, errors } = await shop({ session: { enabled: false } });
        expect((await visitor().ask('/orders-form?fields=')).status).toBe(500);
        expect(errors()[0]).toMatch(/^(oldInput|validationErrors)\(\) needs a session: set enabled to true/);
    });
});
