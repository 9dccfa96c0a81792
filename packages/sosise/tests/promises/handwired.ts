import { RedisStore } from 'connect-redis';
import express, { type Express } from 'express';
import session from 'express-session';
import memorystore from 'memorystore';
import { createClient } from 'redis';
import sessionFileStore from 'session-file-store';
import { addRoutes } from '../helpers/server/routes.js';
import type { ServerOptions } from '../helpers/server/ServerOptions.js';

type StoreClass = new (options: object) => session.Store;

/** Express 5 with express-session and a store from npm, wired as their own pages show it. */
export function handwired({ store, folder, redisPort, idleMs, secret }: ServerOptions): Express {
    const FileStore = sessionFileStore(session) as StoreClass;
    const MemoryStore = memorystore(session) as unknown as StoreClass;
    const stores: Record<string, () => session.Store> = {
        file: () => new FileStore({ path: folder }),
        memory: () => new MemoryStore({ checkPeriod: 86_400_000 }),
        redis: () => {
            const client = createClient({ socket: { port: redisPort } });
            client.connect().catch(console.error);
            return new RedisStore({ client });
        },
    };
    const app = express();
    app.get('/up', (_request, response) => {
        response.json('up');
    });
    app.use(
        session({
            store: (stores[store] as () => session.Store)(),
            secret,
            resave: false,
            saveUninitialized: false,
            cookie: { maxAge: idleMs },
        }),
    );
    const router = express.Router();
    addRoutes(router, {
        exclusive: () => (_request, _response, next) => next(),
        increment: (request, key) => {
            const data = request.session as unknown as Record<string, number>;
            data[key] = (data[key] ?? 0) + 1;
            return data[key];
        },
        migrate: (request) =>
            new Promise((resolve, reject) => {
                const { cookie, ...data } = request.session as unknown as Record<string, unknown>;
                request.session.regenerate((error) => {
                    Object.assign(request.session, data);
                    error ? reject(error) : resolve();
                });
            }),
    });
    app.use(router);
    return app;
}
