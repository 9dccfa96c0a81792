// A peer: Fastify with its session plug-in, tuned as its users would: no logger, schemas for answers, no write without a change.
import { createRequire } from 'node:module';
import session from 'express-session';
import { answerOf, change, PLAIN, visitor } from './routes.js';

const { BENCH_DRIVER, BENCH_FOLDER, BENCH_PEERS, BENCH_REDIS_PORT, PORT, SESSION_SECRET } = process.env;
const require = createRequire(`${BENCH_PEERS}/`);

const stores = {
    memory: () => undefined, // the plug-in's own, which keeps objects as they are
    // None is its own: the one that the hand-wired app has, which is to any express-session store's shape.
    file: async () => {
        const { default: sessionFileStore } = await import('session-file-store');
        return new (sessionFileStore(session))({ path: BENCH_FOLDER });
    },
    redis: async () => {
        const [{ RedisStore }, { createClient }] = await Promise.all([import('connect-redis'), import('redis')]);
        const client = createClient({ socket: { port: Number(BENCH_REDIS_PORT) } });
        await client.connect();
        return new RedisStore({ client });
    },
};

const app = require('fastify')();

app.register(require('@fastify/cookie'));
app.register(require('@fastify/formbody'));
app.register(require('@fastify/session'), {
    store: await stores[BENCH_DRIVER](),
    secret: SESSION_SECRET,
    rolling: false,
    saveUninitialized: false,
    cookiePrefix: 's:',
    cookie: { secure: false, maxAge: 2 * 60 * 60 * 1000 },
});

const number = { type: 'number', nullable: true };
const data = { type: 'object', nullable: true, properties: { user: number, count: number } };
const answer = { type: 'object', properties: { code: number, message: { type: 'string' }, data } };
const options = { schema: { response: { 200: answer } } };

app.after(() => {
    app.get('/plain', options, (_request, reply) => reply.send(PLAIN));
    app.get('/read', options, (request, reply) => reply.send(answerOf(request.session)));
    app.post('/new', options, (request, reply) => {
        Object.assign(request.session, visitor(request.body));
        reply.send(answerOf(request.session));
    });
    app.post('/change', options, (request, reply) => {
        change(request.session, request.body);
        reply.send(answerOf(request.session));
    });
});

await app.listen({ port: Number(PORT), host: '127.0.0.1' });
process.on('SIGTERM', () => process.exit(0));
