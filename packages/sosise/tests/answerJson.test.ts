import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express, type RequestHandler } from 'express';
import { HttpPipeline } from 'sosise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { weakEtag } from './helpers/inside/Http.js';
import { sessionApp } from './helpers/sessionApp.js';

/** Each answer by its name. Both Express and the framework give it. */
const ANSWERS: Record<string, RequestHandler> = {
    envelope: (_request, response) => response.json({ code: 1000, message: 'Hello', data: null }),
    unicode: (_request, response) => response.json({ text: 'Zoë 🎈 \u2028 \ud800' }),
    'a text': (_request, response) => response.json('text'),
    'an empty text': (_request, response) => response.json(''),
    'a number': (_request, response) => response.json(0),
    null: (_request, response) => response.json(null),
    nothing: (_request, response) => response.json(undefined),
    'a list': (_request, response) => response.json([1, undefined, 3]),
    'a date': (_request, response) => response.json({ at: new Date(0) }),
    'what makes its own JSON': (_request, response) => response.json({ toJSON: () => ({ own: true }) }),
    large: (_request, response) => response.json({ text: 'é'.repeat(50_000) }),
    'an object by send()': (_request, response) => response.send({ by: 'send' }),
    'with a type': (_request, response) => response.type('application/problem+json').json({}),
    'with a type and charset': (_request, response) => response.set('Content-Type', 'text/x; charset=latin1').json('é'),
    'with an ETag': (_request, response) => response.set('ETag', '"own"').json({}),
    'with Last-Modified': (_request, response) => response.set('Last-Modified', new Date(0).toUTCString()).json({}),
    'with a header in Latin-1': (_request, response) => response.set('X-Name', 'Zoë').json({ text: 'ASCII' }),
    'with a header and a text in Latin-1': (_request, response) => response.set('X-Name', 'Zoë').json({ text: 'Zoë' }),
    'with another length': (_request, response) => response.set('Content-Length', '1').json({ long: true }),
    'in chunks': (_request, response) => response.set('Transfer-Encoding', 'chunked').json({ long: true }),
    'not to be transformed': (_request, response) => response.set('Cache-Control', 'no-cache').json({}),
    ...Object.fromEntries(
        [201, 204, 205, 206, 301, 304, 400, 404, 500, 503].map((status): [string, RequestHandler] => [
            String(status),
            (_request, response) => response.status(status).json({ status }),
        ]),
    ),
};

/** Headers of the client, by what they say. */
const CLIENTS: Record<string, Record<string, string>> = {
    'a client': {},
    'one that has this answer': {
        'if-none-match': weakEtag(JSON.stringify({ code: 1000, message: 'Hello', data: null })),
    },
    'one that has another': { 'if-none-match': 'W/"2-x"' },
    'one that has any': { 'if-none-match': '*' },
    'one that had it in 2001': { 'if-modified-since': 'Mon, 01 Jan 2001 00:00:00 GMT' },
    'one that wants it anew': { 'if-none-match': '*', 'cache-control': 'no-cache' },
};

const SETTINGS: Record<string, Record<string, unknown>> = {
    'no settings': {},
    'json spaces': { 'json spaces': 2 },
    'json escape': { 'json escape': true },
    'json replacer': { 'json replacer': (key: string, value: unknown) => (key === 'code' ? 1 : value) },
    'no etag': { etag: false },
    'a strong etag': { etag: 'strong' },
};

interface Answer {
    status: number | undefined;
    headers: string[];
    body: string;
}

const servers: Server[] = [];
const agent = new Agent({ keepAlive: true });

async function serve(app: Express): Promise<number> {
    const server = createServer(app).listen(0, '127.0.0.1');
    servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    return (server.address() as AddressInfo).port;
}

async function get(port: number, path: string, method: string, headers: Record<string, string>): Promise<Answer> {
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
        request({ port, path: encodeURI(path), method, headers, agent }, resolve)
            .on('error', reject)
            .end();
    });
    const chunks: Buffer[] = [];
    try {
        for await (const chunk of message) {
            chunks.push(chunk as Buffer);
        }
    } catch (error) {
        chunks.push(Buffer.from(String(error))); // a wrong length: both break off alike
    }
    const rawHeaders = message.rawHeaders.map((text, index) => (message.rawHeaders[index - 1] === 'Date' ? '' : text));
    return { status: message.statusCode, headers: rawHeaders, body: Buffer.concat(chunks).toString('latin1') };
}

afterAll(() => {
    agent.destroy();
    for (const server of servers) {
        server.closeAllConnections();
        server.close();
    }
});

describe.each(Object.entries(SETTINGS))('with %s an answer is the one that Express gives', (_name, settings) => {
    let expressPort: number;
    let ownPort: number;

    beforeAll(async () => {
        const plain = express();
        const pipeline = new HttpPipeline({ etag: weakEtag, 'x-powered-by': false, ...settings });
        for (const [name, value] of Object.entries({ 'x-powered-by': false, ...settings })) {
            plain.set(name, value);
        }
        for (const [name, handler] of Object.entries(ANSWERS)) {
            const path = `/${encodeURI(name).replaceAll(/[()]/g, (sign) => `\\${sign}`)}`;
            const router = express.Router().get(path, handler);
            plain.use(router);
            pipeline.use('routes', router);
        }
        [expressPort, ownPort] = await Promise.all([serve(plain), serve(pipeline.compose())]);
    });

    test.each(Object.entries(CLIENTS))('to %s', async (_client, headers) => {
        for (const name of Object.keys(ANSWERS)) {
            for (const method of ['GET', 'HEAD']) {
                const [theirs, ours] = await Promise.all(
                    [expressPort, ownPort].map((port) => get(port, `/${name}`, method, headers)),
                );
                expect(ours, `${method} ${name}`).toEqual(theirs);
                expect(theirs?.status, name).not.toBe(/^\d+$/.test(name) ? 200 : 404);
            }
        }
    });
});

test('what replaces response.send() gets JSON too', async () => {
    const pipeline = new HttpPipeline({ etag: weakEtag });
    const seen: unknown[] = [];
    pipeline.use('middlewares', (_request, response, next) => {
        const send = response.send.bind(response);
        response.send = (body) => {
            seen.push(body);
            return send(body);
        };
        next();
    });
    pipeline.use('routes', (_request, response) => void response.json({ seen: true }));
    const answer = await get(await serve(pipeline.compose()), '/', 'GET', {});
    expect(answer.body).toBe('{"seen":true}');
    expect(seen).toEqual(['{"seen":true}']);
});

/** What popular middlewares do to see answers, each in its own way. */
const LOOKERS: Record<string, RequestHandler> = {
    'end()': (_request, response, next) => {
        const end = response.end;
        response.end = ((...args: [Buffer]) => {
            const body = Buffer.concat([args[0]]); // as Express gives it, a text is refused
            response.setHeader('X-Seen', body.length);
            return end.apply(response, args as never);
        }) as never;
        next();
    },
    'set()': (_request, response, next) => {
        const set = response.set;
        response.set = ((name: string, value: string) => {
            response.setHeader(`X-Seen-${name}`, 1);
            return set.call(response, name, value);
        }) as never;
        next();
    },
    'get()': (_request, response, next) => {
        response.get = (name) => (name === 'ETag' ? '"known"' : String(response.getHeader(name) ?? ''));
        next();
    },
};

test.each(Object.keys(LOOKERS))('what replaces response.%s sees what Express would give it', async (name) => {
    const looker = LOOKERS[name] as RequestHandler;
    const answer: RequestHandler = (_request, response) => void response.json({ seen: true });
    const plain = express().disable('x-powered-by').use(looker, answer);
    const pipeline = new HttpPipeline({ etag: weakEtag, 'x-powered-by': false });
    pipeline.use('middlewares', looker).use('routes', answer);
    const [theirs, ours] = await Promise.all(
        [plain, pipeline.compose()].map(async (app) => get(await serve(app), '/', 'GET', {})),
    );
    expect(ours).toEqual(theirs);
    expect(ours?.body).toBe('{"seen":true}');
});

test.each(['before', 'after'] as const)(
    'what replaces response.end() %s the session stage sees it too',
    async (place) => {
        const looker = LOOKERS['end()'] as RequestHandler;
        const app = await sessionApp({
            routes: (router) => router.get('/', (_request, response) => void response.json({ seen: true })),
            boot: ({ container }) => void container.make(HttpPipeline)[place]('session', looker),
        });
        const answer = await fetch(`${app.url}/`);
        expect(answer.headers.get('x-seen')).toBe('13');
        expect(await answer.text()).toBe('{"seen":true}');
    },
);
