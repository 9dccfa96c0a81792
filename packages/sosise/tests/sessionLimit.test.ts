import { SessionLimitException, SessionRegistry } from 'sosise';
import { describe, expect, test } from 'vitest';
import type { Browser } from './helpers/Browser.js';
import { farDriver } from './helpers/farDriver.js';
import { travel } from './helpers/inside/Testing.js';
import { limitRoutes, manyLogins } from './helpers/manyLogins.js';
import { SessionManager, sessionApp } from './helpers/sessionApp.js';
import { haltFirst, type Interference, interferedDriver } from './helpers/wrapDriver.js';

const DRIVERS = ['memory', 'file'];
const me = { user: null, ended: null };

function limitedApp(registry: Record<string, unknown>, session: Record<string, unknown> = {}) {
    return sessionApp({ session: { driver: 'memory', ...session, registry }, routes: limitRoutes });
}

/** On the memory driver, with something in front of it. */
function troubledApp(interference: Interference) {
    return sessionApp({
        session: { driver: 'slow', registry: { max: 2 } },
        boot: ({ container }) => container.make(SessionManager).extend('slow', () => interferedDriver(interference)),
        routes: limitRoutes,
    });
}

async function enter(browser: Browser, user = 'mia'): Promise<number> {
    return (await browser.visit(`/login/${user}`, { method: 'POST' })).status;
}

/** Whether each browser is logged in, by a letter. */
async function inside(...browsers: Browser[]): Promise<string> {
    const found = await Promise.all(browsers.map((browser) => browser.json('/me')));
    return found.map(({ user }) => (user === null ? '-' : 'x')).join('');
}

describe.each(DRIVERS)('registry.max, %s', (driver) => {
    test('one login more ends the session with the oldest login, and tells its visitor', async () => {
        const app = await limitedApp({ max: 2 }, { driver });
        const [one, two, three, other] = [app.browser(), app.browser(), app.browser(), app.browser()];
        await enter(other, 'bob');
        await enter(one);
        await enter(two);
        expect(await inside(one, two, other)).toBe('xxx');
        await enter(three);
        expect(await inside(one, two, three, other)).toBe('-xxx');
        expect(await one.json('/me')).toEqual({ ...me, ended: 'replaced' });
        expect(await app.app.container.make(SessionRegistry).list('mia')).toHaveLength(2);
    });

    test('50 logins of one user at once leave exactly as many as are allowed', async () => {
        for (const whenFull of ['endOldest', 'refuse']) {
            const app = await limitedApp({ max: 3, whenFull }, { driver });
            const { alive, statuses } = await manyLogins([app.url], 'mia');
            expect(alive).toBe(3);
            // A login that was replaced before it was stored is none.
            expect([...statuses].sort().join()).toMatch(whenFull === 'refuse' ? /^200,409$/ : /^200(,401)?$/);
            expect(await app.app.container.make(SessionRegistry).list('mia')).toHaveLength(3);
        }
    });

    test("whenFull: 'refuse' answers one login more with 409, and logs nobody out", async () => {
        const app = await limitedApp({ max: 2, whenFull: 'refuse' }, { driver });
        const [one, two, three] = [app.browser(), app.browser(), app.browser()];
        await enter(one);
        await enter(two);
        const refused = await three.visit('/login/mia', { method: 'POST' });
        expect(refused.status).toBe(409);
        expect(await refused.json()).toEqual({
            code: 409,
            message: new SessionLimitException().message,
            data: { reason: 'E_SESSION_LIMIT' },
        });
        expect(three.cookies.size, 'nothing is stored for it').toBe(0);
        expect(await enter(two), 'again in the same session').toBe(200);
        expect(await inside(one, two, three)).toBe('xx-');
        await app.app.container.make(SessionRegistry).revoke('mia');
        expect(await enter(three)).toBe(200);
    });
});

describe('registry.max', () => {
    test("a login that is refused ends nothing of another user's in the same browser", async () => {
        const app = await limitedApp({ max: 1, whenFull: 'refuse' });
        const [mias, bobs] = [app.browser(), app.browser()];
        await enter(mias);
        await enter(bobs, 'bob');
        const click = bobs.copy();
        expect(await enter(bobs)).toBe(409);
        expect(await bobs.json('/me')).toEqual({ user: 'bob', ended: null });
        expect(await enter(bobs, 'bob'), 'a new id').toBe(200);
        expect(await enter(click), 'with the id from before that').toBe(409);
        expect(await bobs.json('/me')).toEqual({ user: 'bob', ended: null });
        await app.app.container.make(SessionRegistry).revoke('mia');
        expect(await enter(bobs)).toBe(200);
        expect(await bobs.json('/me')).toEqual({ user: 'mia', ended: null });
    });

    test('a function that gives no number in time is a 503, and nobody is logged in or out', async () => {
        let isAway = false;
        const max = () => (isAway ? new Promise<number>(() => {}) : 2);
        const app = await limitedApp({ max }, { storeTimeoutMs: 30 });
        const browser = app.browser();
        await enter(browser, 'bob');
        isAway = true;
        expect(await enter(browser)).toBe(503);
        expect(await browser.json('/me')).toEqual({ user: 'bob', ended: null });
        expect(await enter(app.browser())).toBe(503);
        const error = app.log.at(-1)?.context['error'] as Error | undefined;
        expect(String(error?.cause)).toContain('registry.max in src/config/session.ts gave no number within 30 ms');
    });

    test('a login in the same session does not count twice, and makes it the newest', async () => {
        const app = await limitedApp({ max: 2 });
        const [one, two, three] = [app.browser(), app.browser(), app.browser()];
        await enter(one);
        await enter(two);
        await enter(one);
        expect(await inside(one, two)).toBe('xx');
        await enter(three);
        expect(await inside(one, two, three)).toBe('x-x');
    });

    test('what has expired does not count, and what "remember me" keeps alive does', async () => {
        const app = await sessionApp({
            session: { driver: 'memory', cookie: { maxAge: 60_000 }, registry: { max: 2 } },
            routes: (router) => {
                router.use('/login', (request, _response, next) => {
                    if (request.query['remember']) {
                        request.session.cookie.maxAge = 3_600_000;
                    }
                    next();
                });
                limitRoutes(router);
            },
        });
        const [remembered, short, three, four] = [app.browser(), app.browser(), app.browser(), app.browser()];
        await remembered.visit('/login/mia?remember=1', { method: 'POST' });
        await enter(short);
        travel('10 minutes');
        await enter(three);
        expect(await inside(remembered, short, three)).toBe('x-x');
        await enter(four);
        expect(await inside(remembered, three, four)).toBe('-xx');
    });

    test('a lower number counts from the next login on; a function says it for each user', async () => {
        const allowed: Record<string, number> = { mia: 3, bob: Number.POSITIVE_INFINITY };
        const app = await limitedApp({ max: async (user: string) => allowed[user] });
        const [one, two, three, four] = [app.browser(), app.browser(), app.browser(), app.browser()];
        for (const browser of [one, two, three]) {
            await enter(browser);
        }
        allowed['mia'] = 1;
        expect(await inside(one, two, three)).toBe('xxx');
        await enter(four);
        expect(await inside(one, two, three, four)).toBe('---x');
        const bobs = [app.browser(), app.browser()];
        await Promise.all(bobs.map((browser) => enter(browser, 'bob')));
        expect(await inside(...bobs)).toBe('xx');
        expect(await enter(app.browser(), 'eve'), 'no number').toBe(500);
        expect(app.log.at(-1)?.message).toContain('registry.max in src/config/session.ts gave undefined');
    });

    test("whenFull: 'refuse' without max stops start-up, as it would refuse nobody", async () => {
        await expect(limitedApp({ whenFull: 'refuse' })).rejects.toThrow(
            /session\.ts: registry\.max is missing, so that whenFull/,
        );
    });

    test('a wrong number stops start-up', async () => {
        for (const max of [0, 1.5, '3']) {
            await expect(limitedApp({ max })).rejects.toThrow(/registry\.max/);
        }
    });
});

describe('registry.max and the store', () => {
    test('if the oldest can not be ended, the login is a 503: never more are logged in, and none by accident out', async () => {
        const interference: Interference = {};
        const app = await troubledApp(interference);
        const [one, two, three] = [app.browser(), app.browser(), app.browser()];
        await enter(one);
        await enter(two);
        let writes = 0;
        interference.write = () => {
            writes += 1;
            if (writes === 2) {
                throw new Error('disk full'); // the first was the list
            }
        };
        expect(await enter(three)).toBe(503);
        expect(await inside(one, two, three)).toBe('xx-');
        expect(await enter(three)).toBe(200);
        expect(await inside(one, two, three), 'the login that failed does not count').toBe('-xx');
    });

    test('costs one write for each session that ends, and nothing for a login that ends none', async () => {
        let writes = 0;
        const app = await troubledApp({
            write: () => {
                writes += 1;
            },
        });
        const costs: number[] = [];
        for (let count = 0; count < 4; count += 1) {
            writes = 0;
            await enter(app.browser());
            costs.push(writes);
        }
        expect(costs).toEqual([2, 2, 3, 3]);
    });

    test('a session that gets its new id while another logs in counts once', async () => {
        const interference: Interference = {};
        const app = await troubledApp(interference);
        const [one, two, three] = [app.browser(), app.browser(), app.browser()];
        await enter(one);
        await enter(two);
        let writes = 0;
        const halt = haltFirst(() => {
            writes += 1;
            return writes === 2; // its list has the new key, its record is not there yet
        });
        interference.write = halt.pass;
        const again = enter(two);
        await halt.reached;
        interference.write = () => undefined;
        expect(await enter(three)).toBe(200);
        halt.release();
        expect(await again).toBe(200);
        expect(await inside(one, two, three)).toBe('-xx');
    });
});

test('at no moment are more stored than are allowed, in whatever order the store answers', async () => {
    const { driver, most } = farDriver(1);
    const app = await sessionApp({
        session: { driver: 'far', registry: { max: 3 } },
        boot: ({ container }) => container.make(SessionManager).extend('far', () => driver),
        routes: limitRoutes,
    });
    expect((await manyLogins([app.url], 'mia')).alive).toBe(3);
    expect(most()).toBe(3);
});
