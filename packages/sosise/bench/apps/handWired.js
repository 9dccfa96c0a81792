// What we are compared with: Express 5 and the session packages, wired as their own pages show it.
import express from 'express';
import session from 'express-session';
import memorystore from 'memorystore';
import sessionFileStore from 'session-file-store';
import { addRoutes } from './routes.js';

const { BENCH_DATABASE, BENCH_DRIVER, BENCH_FOLDER, BENCH_REDIS_PORT, PORT, SESSION_SECRET } = process.env;

if (process.env.BENCH_PACKAGES === 'all') {
    await import('./otherPackages.js');
}

// Only where it is measured: it would count as memory and as time to boot.
const [{ RedisStore }, { createClient }] =
    BENCH_DRIVER === 'redis' ? await Promise.all([import('connect-redis'), import('redis')]) : [{}, {}];
const [{ default: connectPgSimple }, { default: pg }] =
    BENCH_DRIVER === 'database' ? await Promise.all([import('connect-pg-simple'), import('pg')]) : [{}, {}];
const MemoryStore = memorystore(session);
const FileStore = sessionFileStore(session);

const stores = {
    memory: () => new MemoryStore({ checkPeriod: 86_400_000 }),
    file: () => new FileStore({ path: BENCH_FOLDER }),
    // SQLite is compared with files, too.
    sqlite: () => new FileStore({ path: BENCH_FOLDER }),
    database: () => new (connectPgSimple(session))({ pool: new pg.Pool({ connectionString: BENCH_DATABASE }) }),
    redis: () => {
        const client = createClient({ socket: { port: Number(BENCH_REDIS_PORT) } });
        client.connect().catch(console.error);
        return new RedisStore({ client });
    },
};

const app = express();

app.use(express.json());
app.use(express.urlencoded());
app.use(
    session({
        store: stores[BENCH_DRIVER](),
        secret: SESSION_SECRET,
        resave: false,
        saveUninitialized: false,
        cookie: { maxAge: 2 * 60 * 60 * 1000 },
    }),
);
addRoutes(app);

const server = app.listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
});
