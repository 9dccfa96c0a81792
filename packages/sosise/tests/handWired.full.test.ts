import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RedisStore } from 'connect-redis';
import express, { type RequestHandler, type Router } from 'express';
import session, { type Store } from 'express-session';
import { createClient } from 'redis';
import sessionFileStore from 'session-file-store';
import { authenticatedUser, login, SessionManager, StoredSessions } from 'sosise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { guideFolder } from './docs/guideFolder.js';
import { Browser } from './helpers/Browser.js';
import { travel } from './helpers/inside/Testing.js';
import { listen } from './helpers/listen.js';
import { onRedis } from './helpers/onRedis.js';
import { SECRET, type SessionApp, type SessionAppOptions, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

/**
 * What docs/upgrading.md says of records that move between this skeleton and express-session wired by hand. Answers are read to
 * their end: express-session sends all but the last byte before it stores.
 */

const FileStore = sessionFileStore(session);
const HOUR = 3_600_000;
/** A millisecond may pass before it is asked for. */
const ABOUT_AN_HOUR = expect.closeTo(HOUR, -3);
const CART = { item: 'tea', amounts: [1, { of: 2 }] };

function routes(router: Pick<Router, 'post' | 'get'>): void {
    router.post('/store', (request, response) => {
        Object.assign(request.session, request.body);
        response.json('stored');
    });
    router.get('/data', (request, response) => {
        const { cookie, __sosise: notes, ...data } = request.session;
        const user = (notes as { login?: { user: string } } | undefined)?.login?.user ?? null;
        response.json({ data, user, maxAge: cookie.originalMaxAge });
    });
}

function ourRoutes(router: Router): void {
    routes(router);
    router.post('/login', async (request, response) => {
        await login(request, 7);
        response.json('welcome');
    });
    router.post('/logout', async (request, response) => {
        await request.session.destroy();
        response.json('bye');
    });
    router.get('/user', (request, response) => {
        response.json({ user: authenticatedUser(request) ?? null });
    });
}

type Config = Record<string, unknown>;

/** A place for sessions, which both applications know. */
interface Place {
    /** The options of the skeleton's driver. */
    config: Config;
    /** The package's own store. */
    stock(): Store;
    boot?: SessionAppOptions['boot'];
}

const skeleton = (place: Place, more: Config = {}) =>
    sessionApp({
        session: { cookie: { maxAge: HOUR }, ...place.config, ...more },
        routes: ourRoutes,
        ...(place.boot && { boot: place.boot }),
    });

/** Express with express-session, wired as its documents do it. Gives what it is used with. */
async function wired(sessions: RequestHandler): Promise<Browser> {
    const app = express();
    app.use(express.json(), sessions);
    routes(app);
    return listen(app);
}

const wiredOn = (store: Store, more: Partial<session.SessionOptions> = {}) => {
    const common = { secret: SECRET, name: 'sosise', resave: false, saveUninitialized: false };
    return wired(session({ ...common, cookie: { maxAge: HOUR }, store, ...more }));
};

/** The same visitor at another application. */
function goOn(visitor: Browser, at: Browser | SessionApp): Browser {
    const there = 'app' in at ? at.browser() : at;
    for (const [name, value] of visitor.cookies) {
        there.cookies.set(name, value);
    }
    return there;
}

const post = (body: object = {}) => ({ method: 'POST', body });
const hashed = async (store: Store) => {
    const { hashed } = await guideFolder('docs/upgrading.md').load<{ hashed(store: Store): Store }>('src/hashed.ts');
    return hashed(store);
};

function promises(open: () => Promise<Place>): void {
    test('what express-session stored is taken over as it is', async () => {
        const place = await open();
        const visitor = await wiredOn(place.stock());
        await visitor.json('/store', post({ cart: CART, userId: 7 }));
        const app = await skeleton(place);
        const here = goOn(visitor, app);
        expect(await here.json('/data')).toEqual({
            data: { cart: CART, userId: 7 },
            user: null,
            maxAge: ABOUT_AN_HOUR,
        });
        expect(await here.json('/user')).toEqual({ user: null });
        // From now on it is under its new name alone.
        const before = await wiredOn(place.stock());
        expect(await goOn(visitor, before).json('/data')).toMatchObject({ data: {} });
        expect(await here.json('/data')).toMatchObject({ data: { cart: CART } });
    });

    test('what the skeleton stored is nothing to express-session as it is, which harms nothing', async () => {
        const place = await open();
        const app = await skeleton(place);
        const visitor = app.browser();
        await visitor.json('/store', post({ cart: CART }));
        expect(await goOn(visitor, await wiredOn(place.stock())).json('/data')).toMatchObject({ data: {} });
        expect(await visitor.json('/data')).toMatchObject({ data: { cart: CART } });
    });

    test('with hashed() it reads data, cookie and user, and the skeleton takes up later what it changed', async () => {
        const place = await open();
        const app = await skeleton(place);
        const visitor = app.browser();
        await visitor.json('/store', post({ cart: CART }));
        await visitor.visit('/login', post());

        const there = goOn(visitor, await wiredOn(await hashed(place.stock())));
        expect(await there.json('/data')).toEqual({ data: { cart: CART }, user: '7', maxAge: ABOUT_AN_HOUR });
        travel('50 minutes');
        await there.json('/store', post({ theirs: true, cart: null }));
        expect(await there.json('/data')).toMatchObject({ data: { theirs: true, cart: null }, user: '7' });
        travel('50 minutes'); // after the end of what it was when the skeleton wrote it

        expect(await visitor.json('/user')).toEqual({ user: '7' });
        expect(await visitor.json('/data')).toMatchObject({
            data: { theirs: true, cart: null },
            maxAge: ABOUT_AN_HOUR,
        });
        await visitor.json('/store', post({ ours: true }));
        expect(await there.json('/data')).toMatchObject({ data: { theirs: true, cart: null, ours: true } });
        expect(app.log.filter(({ level }) => level !== 'info' && level !== 'debug')).toEqual([]);
    });

    test('with hashed() new sessions of express-session are found by the skeleton, too', async () => {
        const place = await open();
        const visitor = await wiredOn(await hashed(place.stock()));
        await visitor.json('/store', post({ cart: CART }));
        expect(await goOn(visitor, await skeleton(place)).json('/data')).toMatchObject({ data: { cart: CART } });
    });

    test('with hashed() a session that has ended stays ended', async () => {
        const place = await open();
        const app = await skeleton(place);
        const visitor = app.browser();
        await visitor.json('/store', post({ cart: CART }));
        const thief = visitor.copy();
        await visitor.visit('/logout', post());
        const there = goOn(thief, await wiredOn(await hashed(place.stock())));
        expect(await there.json('/data')).toMatchObject({ data: {}, user: null });
        await there.json('/store', post({ mine: true }));
        expect(there.cookies.get('sosise')).not.toBe(thief.cookies.get('sosise'));
    });

    test('an encrypted session is closed to it until it was stored in the clear', async () => {
        const place = await open();
        const app = await skeleton(place, { encrypt: true });
        const visitor = app.browser();
        await visitor.json('/store', post({ cart: CART }));
        const there = goOn(visitor, await wiredOn(await hashed(place.stock())));
        expect(await there.json('/data')).toMatchObject({ data: {} });

        const clear = await skeleton(place, { encrypt: false });
        await clear.app.container.make(StoredSessions).prune(undefined, { whole: true });
        expect(await there.json('/data')).toMatchObject({ data: { cart: CART } });
    });
}

describe('session-file-store', () => {
    const open = async (): Promise<Place> => {
        const path = temporaryFolder();
        return {
            config: { driver: 'file', drivers: { file: { path } } },
            stock: () => new FileStore({ path, retries: 0, reapInterval: -1, logFn: () => undefined }),
        };
    };
    promises(open);

    test('what it encrypted with its secret is opened with drivers.file.secret', async () => {
        const path = temporaryFolder();
        const secret = 'the key that it was written with';
        const store = new FileStore({ path, retries: 0, reapInterval: -1, logFn: () => undefined, secret });
        const visitor = await wiredOn(store);
        await visitor.json('/store', post({ cart: CART }));
        expect(readFileSync(join(path, String(readdirSync(path)[0])), 'utf8')).not.toContain('tea');
        const app = await skeleton({
            config: { driver: 'file', drivers: { file: { path, secret } } },
            stock: () => store,
        });
        expect(await goOn(visitor, app).json('/data')).toMatchObject({ data: { cart: CART } });
    });

    test('the application that docs/upgrading.md shows reads what the skeleton stored', async () => {
        const place = await open();
        const visitor = (await skeleton(place)).browser();
        await visitor.json('/store', post({ cart: CART }));
        const guide = await guideFolder('docs/upgrading.md').load<{
            sessions(path: string, secret: string): RequestHandler;
        }>('src/wired.ts');
        const { path } = (place.config['drivers'] as { file: { path: string } }).file;
        const there = goOn(visitor, await wired(guide.sessions(path, SECRET)));
        expect(await there.json('/data')).toMatchObject({ data: { cart: CART } });
    });
});

describe('a store that the skeleton knows nothing of', () => {
    promises(async () => {
        const store = new session.MemoryStore();
        // The same records; what is wrapped for one application is not for the other.
        const stock = () => Object.assign(new session.MemoryStore(), { sessions: Reflect.get(store, 'sessions') });
        return {
            config: { driver: 'own' },
            stock,
            boot: ({ container }) => void container.make(SessionManager).extend('own', stock),
        };
    });
});

await onRedis('connect-redis', (server) => {
    let places = 0;
    promises(async () => {
        const prefix = `wired${++places}:`;
        const client = createClient({ socket: server.options });
        await client.connect();
        onTestFinished(() => client.destroy());
        return {
            config: { driver: 'redis', drivers: { redis: { ...server.options, prefix } } },
            stock: () => new RedisStore({ client, prefix }) as unknown as Store,
        };
    });
});
