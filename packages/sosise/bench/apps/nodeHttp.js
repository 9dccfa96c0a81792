// A peer: the least work that keeps a session. No framework, no signature, no merging, no limits, no headers but two.
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { answerOf, change, PLAIN, visitor } from './routes.js';

const { BENCH_DRIVER, BENCH_FOLDER, BENCH_REDIS_PORT, PORT } = process.env;
const SECONDS = 2 * 60 * 60;

const texts = new Map();
const stores = {
    memory: () => ({ get: (id) => texts.get(id), set: (id, text) => texts.set(id, text) }),
    file: () => ({
        get: (id) => readFile(`${BENCH_FOLDER}/${id}`, 'utf8').catch(() => undefined),
        set: (id, text) => writeFile(`${BENCH_FOLDER}/${id}`, text),
    }),
    redis: async () => {
        const { createClient } = await import('redis');
        const client = createClient({ socket: { port: Number(BENCH_REDIS_PORT) } });
        await client.connect();
        return {
            get: (id) => client.get(id),
            set: (id, text) => client.set(id, text, { expiration: { type: 'EX', value: SECONDS } }),
        };
    },
};
const store = await stores[BENCH_DRIVER]();

const server = createServer(async (request, response) => {
    if (request.url === '/plain') {
        send(response, PLAIN);
        return;
    }
    let id = /\bsid=([\w-]{32})(?:;|$)/.exec(request.headers.cookie)?.[1];
    // Only a promise is waited for: a turn of the queue is work, too.
    const found = id && store.get(id);
    const text = found instanceof Promise ? await found : found;
    const session = text ? JSON.parse(text) : {};
    if (request.method === 'POST') {
        const body = await bodyOf(request);
        if (request.url === '/new') {
            id = randomBytes(24).toString('base64url');
            response.setHeader('Set-Cookie', `sid=${id}; Path=/; HttpOnly; Max-Age=${SECONDS}`);
            Object.assign(session, visitor(body));
        } else {
            change(session, body);
        }
        const stored = store.set(id, JSON.stringify(session));
        if (stored instanceof Promise) {
            await stored;
        }
    }
    send(response, answerOf(session));
});

function bodyOf(request) {
    return new Promise((resolve, reject) => {
        const chunks = [];
        request.on('data', (chunk) => chunks.push(chunk));
        request.on('error', reject);
        request.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            const isJson = request.headers['content-type'] === 'application/json';
            resolve(isJson ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text)));
        });
    });
}

function send(response, answer) {
    const text = JSON.stringify(answer);
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.setHeader('Content-Length', Buffer.byteLength(text));
    response.end(text);
}

server.listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
