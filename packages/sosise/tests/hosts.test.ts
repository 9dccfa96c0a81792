import express, { type Express, type Router } from 'express';
import inject from 'light-my-request';
import serverless from 'serverless-http';
import { exclusive, login } from 'sosise';
import { afterAll, describe, expect, test } from 'vitest';
import { type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';

/** One request and its answer, by whatever hands Express its requests. */
interface Call {
    readonly path: string;
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
}
interface Answer {
    readonly status: number;
    readonly body: string;
    readonly cookie: string | undefined;
}
type Host = (handler: Express, call: Call) => Promise<Answer>;

interface LambdaAnswer {
    statusCode: number;
    body: string;
    headers: Record<string, string>;
    multiValueHeaders?: Record<string, string[]>;
}

// light-my-request puts prototypes of its own below those of Express, for good: no server of this process would answer
// any more, a hand-wired one neither.
const shared = [express.request, express.response].map((of) => [of, Object.getPrototypeOf(of)] as const);
afterAll(() => {
    for (const [of, prototype] of shared) {
        Object.setPrototypeOf(of, prototype);
    }
});

const pairOf = (line: string | undefined) => line?.split(';')[0];

const hosts: Record<string, Host> = {
    'serverless-http': async (handler, { path, method = 'GET', headers = {}, body }) => {
        const event = { httpMethod: method, path, headers, body: body ?? null, requestContext: {} };
        const answer = (await serverless(handler)(event, {})) as LambdaAnswer;
        const line = answer.multiValueHeaders?.['set-cookie']?.[0] ?? answer.headers['set-cookie'];
        return { status: answer.statusCode, body: answer.body, cookie: pairOf(line) };
    },
    'light-my-request': async (handler, { path, method = 'GET', headers = {}, body }) => {
        const url = { method: method as 'GET', url: path, headers, ...(body !== undefined && { payload: body }) };
        const answer = await inject(handler as never, url);
        const line = [answer.headers['set-cookie'] ?? []].flat()[0];
        return { status: answer.statusCode, body: answer.payload, cookie: pairOf(line) };
    },
};

function routes(router: Router): void {
    router.post('/put', (request, response) => {
        Object.assign(request.session, request.body);
        response.json('stored');
    });
    router.get('/get', (request, response) => void response.json(request.session['cart'] ?? null));
    router.post('/login', async (request, response) => {
        await login(request, 7);
        response.json('welcome');
    });
    router.post('/turn', exclusive(), (_request, response) => void response.json('had its turn'));
    router.get('/stream', async (_request, response) => {
        response.write('a ');
        await new Promise(setImmediate);
        response.end('stream');
    });
}

const start = async (options: SessionAppOptions = {}) => (await sessionApp({ ...options, routes })).handler;

describe.each(Object.entries(hosts))('an application under %s', (_name, call) => {
    const host = 'shop.test';
    const json = { host, 'content-type': 'application/json' };

    test('keeps sessions and answers as under its own server', async () => {
        const handler = await start();
        const put = await call(handler, { path: '/put', method: 'POST', headers: json, body: '{"cart":["tea"]}' });
        expect([put.status, put.body]).toEqual([200, '"stored"']);
        const cookie = String(put.cookie);
        expect(cookie).toMatch(/^sosise=s%3A/);
        const got = await call(handler, { path: '/get', headers: { host, cookie } });
        expect([got.status, got.body]).toEqual([200, '["tea"]']);
        const turn = await call(handler, { path: '/turn', method: 'POST', headers: { host, cookie } });
        expect([turn.status, turn.body]).toEqual([200, '"had its turn"']);
        const loggedIn = await call(handler, { path: '/login', method: 'POST', headers: { host, cookie } });
        expect(loggedIn.status).toBe(200);
        expect(loggedIn.cookie).not.toBe(cookie);
        const moved = await call(handler, { path: '/get', headers: { host, cookie: String(loggedIn.cookie) } });
        expect(moved.body).toBe('["tea"]');
        expect((await call(handler, { path: '/stream', headers: { host } })).body).toBe('a stream');
    });

    test('refuses what it refuses elsewhere', async () => {
        const handler = await start();
        expect((await call(handler, { path: '/nowhere', headers: { host } })).status).toBe(404);
        expect((await call(handler, { path: '/get', headers: { host: 'a b' } })).status).toBe(400);
        expect((await call(handler, { path: '/put', method: 'POST', headers: json, body: '{' })).status).toBe(400);
        const { cookie } = await call(handler, { path: '/put', method: 'POST', headers: json, body: '{"n":1}' });
        const elsewhere = { ...json, cookie: String(cookie), 'sec-fetch-site': 'cross-site' };
        const forged = await call(handler, { path: '/put', method: 'POST', headers: elsewhere, body: '{}' });
        expect(forged.status).toBe(403);
    });

    test('needs no Host', async () => {
        expect((await call(await start(), { path: '/get' })).status).toBe(200);
    });
});
