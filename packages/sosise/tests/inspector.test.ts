import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { networkInterfaces } from 'node:os';
import { inspect } from 'node:util';
import type { Express, Request, Router } from 'express';
import session from 'express-session';
import { exclusive, flash, flashed, HttpPipeline, increment, login, pull, SessionManager, welcome } from 'sosise';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { DevToolsServiceProvider } from './helpers/inside/DevTools.js';
import { banner } from './helpers/inside/Http.js';
import { SessionObserver } from './helpers/inside/Session/Object.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import type { TestClient } from './helpers/inside/Testing.js';
import { onRedis } from './helpers/onRedis.js';
import { type SessionApp, type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';
import { RawClient } from './httpApp.js';
import { developed, INSPECTOR, Inspection, layerOf, request, words } from './inspectorApp.js';

const HOUR = 3_600_000;
/** The name under which the session of a request is stored. */
const keyIn = (request: Request, app: SessionApp) => layerOf(app).cookie.carriedBy(request)?.ids[0]?.key as string;
const cookiesOf = (client: TestClient, app: SessionApp) =>
    ({ headers: { cookie: client.cookies.header(new URL(app.url)) } }) as Request;
const ATTACK = '<script>alert("x")</script>';

function shop(router: Router): void {
    router.post('/put', (request, response) => {
        Object.assign(request.session, request.body);
        response.json({});
    });
    router.get('/look', (request, response) => {
        response.json(request.session['cart'] ?? null);
    });
    router.get('/idle', (_request, response) => {
        response.json({});
    });
    router.post('/end', async (request, response) => {
        await request.session.destroy();
        response.json({});
    });
    router.post('/login', async (request, response) => {
        await login(request, 'ann');
        response.json({});
    });
}

describe('the session inspector', () => {
    test('shows the session of the browser that looks as a tree, its times and its cookie', async () => {
        const app = await developed({ routes: shop, session: { cookie: { maxAge: 2 * HOUR } } });
        const client = app
            .client()
            .withSession({ cart: { tea: 2, notes: ['green', null] } })
            .actingAs('ann');
        await app
            .client()
            .withSession({ cart: { cake: 1 } })
            .get('/look');
        await client.get('/look');

        const page = await client.visit(INSPECTOR);
        const text = words(page.text);

        expect(page.status).toBe(200);
        expect(page.headers.get('cache-control')).toBe('no-store');
        expect(text).toMatch(/User ann .*Max-Age=7200/);
        expect(text).toMatch(/cart \{2\} tea : 2 notes \[2\] 0 : "green" 1 : null Change Delete/);
        expect(text).toMatch(/Cookie Max-Age=7200; Path=\/; HttpOnly; SameSite=lax/);
        expect((await Inspection.of(client)).session).not.toContain('cake');
        const [idle, absolute] = [...page.text.matchAll(/data-ends="(\d+)"/g)].map(([, at]) => Number(at) - Date.now());
        expect(idle).toBeGreaterThan(2 * HOUR - 60_000);
        expect(idle).toBeLessThanOrEqual(2 * HOUR);
        expect(absolute).toBeGreaterThan(7 * 24 * HOUR - 60_000);
        expect(absolute).toBeLessThanOrEqual(7 * 24 * HOUR);
    });

    test('masks what its key says to be secret, everywhere, and escapes what visitors typed', async () => {
        const app = await developed({ routes: shop });
        const client = app.client();
        const secrets = { apiToken: 'sesame-open', login: { password: 'hunter2' }, text: ATTACK };
        await client.post('/put', { json: { ...secrets, [ATTACK]: 1 } });

        const { requests, session } = await vi.waitFor(async () => {
            const seen = await Inspection.of(client);
            expect(seen.requests).toHaveLength(1);
            return seen;
        });
        const page = (await client.visit(INSPECTOR)).text;
        const value = await client.get(`${INSPECTOR}/value?key=apiToken`);

        expect(session).toMatch(/apiToken : \[redacted\] .*password : \[redacted\]/);
        expect(requests[0]?.diff.join()).toMatch(/^\+ apiToken: "\[redacted\]".*"password":"\[redacted\]"/);
        expect(`${page}${JSON.stringify(requests)}${value.text}`).not.toMatch(/sesame-open|hunter2/);
        expect(value.json()).toEqual({ masked: true, value: '' });
        expect(page).not.toContain('<script>alert');
        expect(page).toContain('&lt;script&gt;alert');
        expect(JSON.stringify(app.log)).not.toMatch(/sesame-open|hunter2|alert/);
    });

    test('says of each request what it read, what it changed, before and after, and that it was stored', async () => {
        const app = await developed({
            routes: (router) => {
                shop(router);
                router.post('/more', (request, response) => {
                    const cart = request.session['cart'] as Record<string, number>;
                    cart['cake'] = 1; // deep inside
                    delete request.session['old'];
                    increment(request, 'visits');
                    response.json(pull(request, 'once'));
                });
            },
        });
        const client = app.client();
        await client.post('/put', { json: { cart: { tea: 2 }, old: true, unread: 'x', once: [1] } });
        await client.post('/more');
        await client.get('/look');
        await client.get('/idle');

        const [put, more] = [await request(client, '/put'), await request(client, '/more')];
        expect(put).toMatchObject({
            outcome: 'new',
            diff: ['+ cart: {"tea":2}', '+ old: true', '+ unread: "x"', '+ once: [1]'],
            store: expect.stringMatching(/^[\d.]+ ms of [\d.]+ ms: 1 write$/),
            session: expect.stringMatching(/^[\w-]{10} begins$/),
            cookie: expect.stringMatching(/^sosise=…; Path=\/; HttpOnly; SameSite=Lax$/),
        });
        expect(more).toMatchObject({ outcome: 'saved', read: 'cart, once' });
        expect([...more.diff].sort()).toEqual(
            ['- cart: {"tea":2}', '+ cart: {"tea":2,"cake":1}', '- old: true', '- once: [1]', '+ visits: 1'].sort(),
        );
        expect(more.store).toMatch(/: 1 read, 1 write$/);
        expect(more.line).toMatch(/^\d\d:\d\d:\d\d POST \/more [\w-]{10} 200 saved$/);
        expect(await request(client, '/look')).toMatchObject({ read: 'cart', outcome: 'skipped', diff: [] });
        expect(await request(client, '/idle')).toMatchObject({
            read: 'nothing: it did not look at the session',
            outcome: 'skipped',
        });
    });

    test('shows of long values the part that changed', async () => {
        const app = await developed({ routes: shop });
        const client = app.client();
        const text = 'x'.repeat(5_000);
        await client.post('/put', { json: { list: [text, 'old', text] } });
        await client.post('/put', { json: { list: [text, 'new', text] } });

        const { diff } = await vi.waitFor(async () => {
            const listed = await request(client, '/put');
            expect(listed.outcome).toBe('saved');
            return listed;
        });
        expect(diff.map((line) => line.slice(0, 50))).toEqual([
            `- list: …${'x'.repeat(21)}","old","${'x'.repeat(11)}`,
            `+ list: …${'x'.repeat(21)}","new","${'x'.repeat(11)}`,
        ]);
        expect(diff.join('').length).toBeLessThan(700);
    });

    test('a session of any size stays a small page, and is quickly shown', async () => {
        const app = await developed({ routes: shop });
        const client = app.client();
        const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`key${index}`, index]));
        await client.post('/put', { json: { ...many, ['k'.repeat(50_000)]: 1, text: 'a-token'.repeat(15_000) } });
        await client.post('/put', { json: { more: 1 } }); // reads all keys: seconds each, where a pattern grows with the square
        const { text } = (await client.get(`${INSPECTOR}/state`)).assertOk();

        expect(text.length).toBeLessThan(600_000);
        expect((await Inspection.of(client)).session).toMatch(/… \d{4} more/);
    });

    test('flashed values have their own names', async () => {
        const app = await developed({
            routes: (router) => {
                router.post('/flash', (request, response) => {
                    flash(request, 'notice' as never, 'Saved' as never);
                    response.redirect(303, '/page');
                });
                router.get('/page', (request, response) => response.send(String(flashed(request, 'notice' as never))));
            },
        });
        const client = app.client();
        await client.submit('/flash');

        expect(await request(client, '/flash')).toMatchObject({ diff: ['+ flash notice: "Saved"'] });
        expect(await request(client, '/page')).toMatchObject({
            read: 'flash notice',
            diff: ['- flash notice: "Saved"'],
        });
    });

    test('tells a session that was touched from one that was left alone, and one that ended', async () => {
        const app = await developed({ routes: shop, session: { cookie: { maxAge: HOUR } } });
        const client = app.client();
        await client.post('/put', { json: { cart: 1 } });
        await client.get('/idle');
        expect((await request(client, '/idle')).outcome).toBe('skipped');

        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + HOUR / 2 });
        onTestFinished(() => void vi.useRealTimers());
        await client.get('/look');
        expect(await request(client, '/look')).toMatchObject({
            outcome: 'touched',
            cookie: expect.stringContaining('sosise=…; Path=/'),
        });

        await client.post('/login');
        expect(await request(client, '/login')).toMatchObject({
            outcome: 'saved',
            session: expect.stringMatching(/^([\w-]{10}) → (?!\1)[\w-]{10}$/),
        });
        await client.post('/end');
        expect(await request(client, '/end')).toMatchObject({
            outcome: 'ended',
            session: expect.stringMatching(/^[\w-]{10} ends$/),
            cookie: expect.stringMatching(/^taken away: sosise=; Path=\/; Expires=Thu, 01 Jan 1970/),
        });
        expect((await Inspection.of(client)).session).toMatch(/This browser sent no session cookie/);
    });

    describe('says why no cookie was sent', () => {
        const late = (router: Router) => {
            shop(router);
            router.get('/late', (request, response) => {
                response.write('begun');
                request.session['cart'] = 1;
                response.end();
            });
            router.get('/unset', (request, response) => {
                request.session = null as never;
                response.json({});
            });
        };

        test.each<[string, SessionAppOptions['session'], string, string, RegExp]>([
            [
                'nothing was stored',
                {},
                'visitor',
                '/look',
                /Nothing was stored: a visitor gets a cookie with the first key/,
            ],
            ['nothing changed', {}, 'known', '/look', /Nothing changed: the browser keeps the cookie it has/],
            [
                'it is secure',
                { cookie: { secure: true } },
                'visitor',
                '/put',
                /secure, and the request came over plain http/,
            ],
            [
                'the headers were sent',
                {},
                'visitor',
                '/late',
                /headers were sent before the session was changed.*dropped/,
            ],
            [
                'the headers of a stream were sent',
                { cookie: { maxAge: HOUR } },
                'known',
                '/late',
                /headers were sent before the session was stored/,
            ],
            ['it was unset', {}, 'known', '/unset', /request\.session was unset/],
            ['it has no date', { cookie: { maxAge: null } }, 'known', '/put', /ends with the browser/],
            ['rolling is off', { rolling: false }, 'known', '/put', /rolling is false/],
            ['there was none to take away', {}, 'visitor', '/end', /destroyed, and the browser has no cookie of it/],
        ])('%s', async (_reason, options, who, path, expected) => {
            const app = await developed({ routes: late, session: options });
            const client = app.client();
            if (who === 'known') {
                await client.post('/put', { json: { user: 1 } });
                await request(client, '/put');
            }
            const send = path === '/put' || path === '/end' ? 'post' : 'get';
            await client[send](path, send === 'post' ? { json: { cart: 2 } } : {});

            await vi.waitFor(async () => {
                const listed = await request(client, path);
                expect(listed.cookie).toMatch(/^not sent\. /);
                expect(listed.cookie).toMatch(expected);
            });
        });

        test('the session ended while the request ran', async () => {
            const app = await developed({
                routes: (router) => {
                    shop(router);
                    router.post('/outlived', async (request, response) => {
                        request.session['cart'] = 3;
                        await layerOf(app).repository.revoke(keyIn(request, app));
                        response.json({});
                    });
                },
            });
            const client = app.client();
            await client.post('/put', { json: { cart: 1 } });
            await client.post('/outlived');

            expect(await request(client, '/outlived')).toMatchObject({
                outcome: 'discarded',
                diff: ['- cart: 1', '+ cart: 3'],
                cookie: expect.stringMatching(/^not sent\. The session ended meanwhile/),
            });
        });

        test('another site sent the request', async () => {
            const app = await developed({ routes: shop });
            const client = app.client();
            await client.crossSite().submit('/put', { cart: 'theirs' });

            expect((await request(client, '/put')).cookie).toMatch(
                /Another site caused the request: no session begins/,
            );

            await client.post('/put', { json: { cart: 'mine' } });
            await client.crossSite().submit('/end');
            const refused = await vi.waitFor(async () => {
                const { requests } = await Inspection.of(client);
                return requests.find(({ line }) => line.includes('/end')) ?? expect.fail('not listed yet');
            });
            expect(refused.cookie).toMatch(/^not sent\./);
        });
    });

    test('counts what the store was asked, what was spared, merged, and waited for', async () => {
        const app = await developed({
            routes: (router) => {
                shop(router);
                router.post('/turn', exclusive(), (_request, response) => response.json({}));
            },
        });
        const client = app.client();
        await client.post('/put', { json: { cart: 1 } });
        await client.get('/look');
        await client.get('/idle');
        await client.post('/turn');
        await request(client, '/turn');

        const seen = await Inspection.of(client);
        expect(seen.figure('New sessions')).toBe('1');
        expect(seen.figure('Writes')).toBe('1');
        expect(seen.figure('Reads')).toBe('4');
        expect(seen.figure('Skipped touches')).toBe('3');
        expect(seen.figure('Waits')).toBe('1,');
        expect((await request(client, '/turn')).store).toMatch(/waited [\d.]+ ms for its turn/);
        expect(seen.stored).toMatch(/^1 session, \d+ B in all/);
        expect((await Inspection.of(client)).figures).toBe(seen.figures);
    });

    test('a request that another one overtook is merged, and says so', async () => {
        let overtake: (() => Promise<unknown>) | undefined;
        const app = await developed({
            routes: (router) => {
                shop(router);
                router.post('/slow', async (request, response) => {
                    request.session['mine'] = 1;
                    await overtake?.();
                    response.json({});
                });
            },
        });
        const client = app.client();
        await client.post('/put', { json: { cart: 1 } });
        overtake = () => client.post('/put', { json: { theirs: 2 } });
        await client.post('/slow');

        const slow = await request(client, '/slow');
        expect(slow).toMatchObject({ outcome: 'saved, merged', diff: ['+ mine: 1'] });
        expect(slow.store).toMatch(/2 reads, 2 writes, overtaken once/);
        const seen = await Inspection.of(client);
        expect([seen.figure('Merges'), seen.figure('Conflicts')]).toEqual(['1', '1']);
        expect(await client.session()).toEqual({ cart: 1, mine: 1, theirs: 2 });
    });

    test('a request that stored its session stays one, also where its activity is written down after that', async () => {
        const app = await developed({
            session: { rolling: true, cookie: { maxAge: HOUR } },
            routes: (router) => {
                router.post('/twice', async (request, response) => {
                    request.session['cart'] = 1;
                    await request.session.save();
                    response.json({});
                });
            },
        });
        const client = app.client();
        await client.post('/twice');
        expect(await request(client, '/twice')).toMatchObject({ outcome: 'new', diff: ['+ cart: 1'] });
    });

    test('a store that fails is told, and what the request wanted to store', async () => {
        let broken = false;
        const app = await developed({
            routes: shop,
            session: { driver: 'brittle' },
            boot: ({ container }) => {
                const store = new session.MemoryStore();
                const { set } = store;
                store.set = function (id, data, done) {
                    return broken ? done?.(new Error('disk full')) : set.call(this, id, data, done);
                };
                container.make(SessionManager).extend('brittle', () => store);
            },
        });
        const client = app.client();
        await client.post('/put', { json: { cart: 1 } });
        broken = true;
        (await client.post('/put', { json: { cart: 2 } })).assertStatus(503);
        await vi.waitFor(async () => {
            expect(await request(client, '/put')).toMatchObject({
                outcome: 'failed',
                diff: ['- cart: 1', '+ cart: 2'],
                cookie: 'not sent. The session could not be stored.',
            });
        });
    });

    test('keeps the last 50 requests, and sends those that are new', async () => {
        const app = await developed({
            routes: (router) => void router.get('/page/:id', (_, response) => response.json({})),
        });
        const client = app.client();
        for (let page = 1; page <= 52; page += 1) {
            await client.get(`/page/${page}?query=hidden`);
        }
        await request(client, '/page/52');
        const all = (await client.get(`${INSPECTOR}/state`)).json<{ run: string; last: number; rows: string[] }>();
        expect(all.rows).toHaveLength(50);
        expect(all.last).toBe(52);
        expect(all.rows.join()).not.toMatch(/hidden|\/page\/2 /);

        await client.get('/page/53');
        await request(client, '/page/53');
        const next = await client.get(`${INSPECTOR}/state?run=${all.run}&last=${all.last}`);
        expect(next.json<{ rows: string[] }>().rows.map(words).join()).toMatch(/^\d\d:\d\d:\d\d GET \/page\/53 /);
        const after = await client.get(`${INSPECTOR}/state?run=another-run&last=${all.last}`);
        expect(after.json<{ rows: string[] }>().rows).toHaveLength(50);
    });

    test('leaves out the icon that browsers ask for by themselves, which is no error either', async () => {
        const app = await developed({ routes: shop });
        const client = app.client();

        (await client.get('/favicon.ico')).assertStatus(204);
        await client.get('/look');

        await request(client, '/look');
        const { rows } = (await client.get(`${INSPECTOR}/state`)).json<{ rows: string[] }>();
        expect(rows.join()).not.toContain('favicon');
        expect(app.log.map(({ message }) => message).join()).not.toContain('There is no route');
    });

    test('says of sessions that are off which line turns them on, and still lists requests', async () => {
        const app = await developed({ routes: shop, session: { enabled: false } });
        const client = app.client();
        await client.get('/look').catch(() => undefined);
        await client.get('/idle');

        expect((await request(client, '/idle')).cookie).toBe('not sent. Sessions are off.');
        const page = await client.visit(INSPECTOR);
        expect(words(page.text)).toMatch(/Sessions are off.*src\/config\/session\.ts enabled: false, enabled: true,/);
        expect(page.text).not.toContain('id="figures"');
        expect((await client.post(`${INSPECTOR}/set`, { json: { key: 'a', value: '1' } })).status).toBe(404);
    });

    test('says that the browser sends the cookie elsewhere where its path is', async () => {
        const app = await developed({ routes: shop, session: { cookie: { path: '/shop' } } });
        expect((await Inspection.of(app.client())).session).toMatch(/for paths below \/shop \(cookie\.path in/);
    });

    test('knows why there is no session: an old cookie, a forged one, one of a session that ended', async () => {
        const app = await developed({ routes: shop });
        const client = app.client();
        await client.post('/put', { json: { cart: 1 } });
        const other = await client.copy();
        await client.post('/end');
        expect((await Inspection.of(other)).session).toMatch(/The session of this browser was destroyed/);

        other.cookies.tamper('sosise', 's%3Aforged.forged');
        expect((await Inspection.of(other)).session).toMatch(/none of the secrets signed/);
    });
});

describe('looking changes nothing', () => {
    const drivers: [string, SessionAppOptions][] = [
        ['memory', { session: { driver: 'memory' } }],
        ['file', { session: { driver: 'file' } }],
        ['encrypted files', { session: { driver: 'file', encrypt: true } }],
        [
            'a plain store',
            {
                session: { driver: 'plain' },
                boot: (app) => void app.container.make(SessionManager).extend('plain', () => new session.MemoryStore()),
            },
        ],
    ];

    test.each(drivers)(
        'with %s: no touch, no cookie, no new version, and no line in its own list',
        async (_name, options) => {
            await expectUntouched(options);
        },
    );

    test('the driver behind it is asked the same, to the last argument', async () => {
        const tidy = vi.fn(async () => undefined);
        const app = await developed({
            session: { driver: 'tidied' },
            boot: ({ container }) => {
                const driver = Object.assign(new MemoryStore(), { tidy });
                container.make(SessionManager).extend('tidied', () => driver);
            },
        });
        const args = [7, new AbortController().signal, () => undefined] as const;
        await layerOf(app).driver.tidy(...args);
        expect(tidy).toHaveBeenCalledExactlyOnceWith(...args);
    });

    test('a damaged record stays where it is', async () => {
        const app = await developed({ routes: shop });
        const client = app.client();
        await client.post('/put', { json: { cart: 1 } });
        const { driver } = layerOf(app);
        const key = keyIn(cookiesOf(client, app), app);
        const { version } = (await driver.read(key)) ?? {};
        await driver.write(key, '{"broken', version, Date.now() + HOUR);

        expect((await Inspection.of(client)).session).toMatch(/is damaged/);
        expect((await driver.read(key))?.record).toBe('{"broken');
    });

    test('request.session stays what it is while its reads are seen', async () => {
        let seen: Record<string, unknown> = {};
        const app = await developed({
            routes: (router) => {
                shop(router);
                router.get('/object', exclusive(), (request, response) => {
                    const { session: own } = request;
                    const { cookie, ...data } = own;
                    seen = {
                        isSession: own instanceof session.Session && own === request.session,
                        keys: Object.keys(own),
                        json: JSON.stringify(data),
                        printed: inspect(own),
                        cloned: structuredClone(data),
                        has: ['cart' in own, Object.hasOwn(own, 'cart'), 'nothing' in own],
                    };
                    own['cart'] = { tea: 9 };
                    seen['written'] = own['cart'];
                    delete own['other'];
                    seen['deleted'] = own['other'];
                    response.json({});
                });
            },
        });
        const client = app.client();
        await client.post('/put', { json: { cart: { tea: 1 }, other: 'x' } });
        await client.get('/object');

        expect(seen).toMatchObject({
            isSession: true,
            keys: ['cookie', 'cart', 'other'],
            json: '{"cart":{"tea":1},"other":"x"}',
            cloned: { cart: { tea: 1 }, other: 'x' },
            has: [true, true, false],
            written: { tea: 9 },
        });
        expect(seen['deleted']).toBeUndefined();
        expect(seen['printed']).toMatch(/cart: \{ tea: 1 \},\s+other: 'x'/);
        expect(seen['printed']).not.toMatch(/Getter/);
        expect(await client.session()).toEqual({ cart: { tea: 9 } });
    });
});

await onRedis('looking changes nothing in Redis either', (server) => {
    test('no touch, no cookie, no new version, and no line in its own list', async () => {
        const redis = { ...server.options, prefix: 'inspected:' };
        await expectUntouched({ session: { driver: 'redis', drivers: { redis } } });
    });
});

describe('its buttons', () => {
    const press = (client: TestClient, name: string, json: object = {}) =>
        client.post(`${INSPECTOR}/${name}`, { json });

    async function visitor(options: SessionAppOptions = {}) {
        const app = await developed({ routes: shop, ...options });
        const client = app.client();
        await client.post('/put', { json: { cart: { tea: 1 }, other: 'x' } });
        return { app, client };
    }

    test('change a key, add one, and delete one', async () => {
        const { client } = await visitor();

        (await press(client, 'set', { key: 'cart', value: '{"tea": 5}' }))
            .assertOk()
            .assertJson({ message: 'cart is stored.' });
        (await press(client, 'set', { key: 'new', value: 'null' })).assertOk();
        (await press(client, 'delete', { key: 'other' })).assertOk();

        expect(await client.session()).toEqual({ cart: { tea: 5 }, new: null });
        expect((await client.get('/look')).json()).toEqual({ tea: 5 });
    });

    test('begin a session for a browser that has none', async () => {
        const app = await developed({ routes: shop });
        const client = app.client();
        (await press(client, 'set', { key: 'cart', value: '7' })).assertOk();
        expect((await client.get('/look')).json()).toBe(7);
    });

    test('lose nothing that a request changes meanwhile', async () => {
        let meanwhile: (() => Promise<unknown>) | undefined;
        const { client } = await visitor({
            routes: (router) => {
                shop(router);
                router.post('/slow', async (request, response) => {
                    request.session['mine'] = 1;
                    await meanwhile?.();
                    response.json({});
                });
            },
        });
        meanwhile = () => press(client, 'set', { key: 'other', value: '"by the button"' });
        await client.post('/slow');

        expect(await client.session()).toEqual({ cart: { tea: 1 }, other: 'by the button', mine: 1 });
    });

    test('regenerate: the browser gets the new cookie, and the old one counts no more', async () => {
        const { client } = await visitor();
        const before = await client.copy();

        const answer = (await press(client, 'regenerate')).assertOk();

        expect(answer.headers.getSetCookie()).toHaveLength(1);
        expect(client.cookies.get('sosise')).not.toBe(before.cookies.get('sosise'));
        expect(await client.session()).toEqual({});
        expect(await before.session()).toBeUndefined();
        expect((await Inspection.of(client)).session).toMatch(/It is empty/);
    });

    test('destroy: the session is gone, and its cookie too', async () => {
        const { client } = await visitor();
        const before = await client.copy();

        (await press(client, 'destroy')).assertOk();

        expect(client.cookies.all).toEqual([]);
        expect(await before.session()).toBeUndefined();
    });

    test('revoke the session of another browser, which the list names', async () => {
        const { app, client } = await visitor();
        const other = app.client();
        await other.post('/login');
        const { stored } = await Inspection.of(client);
        const [, fingerprint] = /([\w-]{10}) ann \d\d:\d\d:\d\d/.exec(stored) ?? [];

        (await press(client, 'revoke', { fingerprint })).assertOk();

        expect(await other.session()).toBeUndefined();
        expect(await client.session()).toBeDefined();
        expect((await Inspection.of(client)).stored).toMatch(/No other browser has a session here/);
        (await press(client, 'revoke', { fingerprint })).assertStatus(404);
    });

    test.each([
        ['set', { key: 'cart', value: '{tea: 5}' }, /not JSON/],
        ['set', { key: 'cookie', value: '{}' }, /used by the session itself/],
        ['set', { key: 'save', value: '1' }, /used by the session itself/],
        ['set', { key: '', value: '1' }, /A key is a text/],
        ['set', { key: 'k'.repeat(201), value: '1' }, /A key is a text/],
        ['set', { key: 'deep', value: `${'['.repeat(300)}${']'.repeat(300)}` }, /nested more than/],
        ['set', { key: 'large', value: JSON.stringify('x'.repeat(1_100_000)) }, /more than the \d+ that it may have/],
        ['delete', {}, /A key is a text/],
        ['revoke', { fingerprint: 's' }, /fingerprint of a session/],
    ])('refuse what can’t be: %s %j', async (name, fields, message) => {
        const { app, client } = await visitor();
        const answer = await press(client, name, fields);

        expect(answer.status).toBe(422);
        expect(answer.json<{ message: string }>().message).toMatch(message);
        expect(await client.session()).toEqual({ cart: { tea: 1 }, other: 'x' });
        expect(JSON.stringify(app.log.filter(({ level }) => level === 'error'))).toBe('[]');
    });

    test('refuse a body that is no JSON, and quote nothing of it', async () => {
        const { app, client } = await visitor();
        const headers = { 'content-type': 'application/json' };
        const answer = await client.post(`${INSPECTOR}/set`, { body: '{"key":"a","value":hunter2}', headers });

        expect(answer.status).toBe(400);
        expect(`${answer.text}${JSON.stringify(app.log)}`).not.toContain('hunter2');
        (await client.post(`${INSPECTOR}/set`, { body: 'key=a', headers: {} })).assertStatus(422);
    });

    test('are pressed in its own page alone', async () => {
        const { app, client } = await visitor();
        const { origin, host } = new URL(app.url);
        const send = async (headers: Record<string, string>) => {
            const cookie = client.cookies.header(new URL(app.url)) as string;
            const answer = await fetch(`${app.url}${INSPECTOR}/destroy`, {
                method: 'POST',
                headers: { cookie, 'content-type': 'application/json', ...headers },
                body: '{}',
            });
            return answer.status;
        };
        // fetch() of Node says nothing of where it comes from but what it is told.
        for (const headers of [
            { 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' },
            { 'sec-fetch-site': 'same-site', origin: 'http://localhost:5173' },
            { 'sec-fetch-site': 'none' },
            { 'sec-fetch-site': 'cross-site', origin },
            { 'sec-fetch-site': 'same-origin', origin: 'https://shop-10000.tunnel.test' },
            { origin: 'https://evil.test' },
            { origin: 'null' },
            { origin: `${origin}0` },
            { origin: `http://${host}.evil.test` },
            {},
        ]) {
            expect(await send(headers as Record<string, string>), JSON.stringify(headers)).toBe(403);
        }
        expect(await client.session()).toBeDefined();
        for (const path of ['/state', '/value?key=cart', '/events']) {
            (await client.crossSite().get(`${INSPECTOR}${path}`)).assertStatus(403);
        }
        expect(await send({ origin })).toBe(200);
        expect(await client.session()).toBeUndefined();
    });
});

describe('for everybody else it is not there', () => {
    test.each(['production', 'test', 'staging'])(
        'in %s there is no such route, nor a stage of it',
        async (environment) => {
            const app = await sessionApp({
                environment: environment as 'production',
                providers: [DevToolsServiceProvider],
                session: { driver: 'memory', cookie: { secure: false } },
            });
            for (const path of ['', '/state', '/events', '/value']) {
                const answer = await app.client().get(`${INSPECTOR}${path}`);
                const other = await app.client().get('/__sosise/nothing');
                expect(answer.status).toBe(404);
                expect(answer.text).toBe(
                    other.text.replace('/__sosise/nothing', `${INSPECTOR}${path.replace(/\?.*/, '')}`),
                );
            }
            expect((await app.client().post(`${INSPECTOR}/destroy`, { json: {} })).status).toBe(404);
            expect(app.app.container.has(SessionObserver)).toBe(false);
            expect(app.app.container.make(HttpPipeline).names()).not.toContain('inspector');
        },
    );

    test.each([
        ['localhost', 200],
        ['localhost:10000', 200],
        ['shop.localhost:10000', 200],
        ['127.0.0.1:10000', 200],
        ['127.1.2.3', 200],
        ['[::1]:10000', 200],
        ['LOCALHOST:1', 200],
        ['evil.test', 404],
        ['localhost.evil.test', 404],
        ['127.0.0.1.nip.io', 404],
        ['evillocalhost', 404],
        ['10.0.0.1:10000', 404],
        ['0.0.0.0', 404],
        ['[::2]', 404],
    ])('Host: %s is answered with %i', async (host, status) => {
        const app = await developed({ routes: shop });
        for (const [method, path] of [
            ['GET', ''],
            ['GET', '/state'],
            ['POST', '/destroy'],
        ] as const) {
            const answer = await ask(app.url, { method, path: `${INSPECTOR}${path}`, headers: { host } });
            const allowed = method === 'POST' ? 403 : 200; // it says no origin
            expect(answer.status, `${method} ${path}`).toBe(status === 200 ? allowed : 404);
        }
    });

    test('forwarded headers make nobody local, also where proxies are trusted', async () => {
        const app = await developed({ routes: shop, http: { trustProxy: true } });
        const forwarded = {
            'x-forwarded-for': '127.0.0.1',
            'x-forwarded-host': 'localhost',
            forwarded: 'for=127.0.0.1;host=localhost',
        };
        const foreign = await ask(app.url, { path: INSPECTOR, headers: { host: 'evil.test', ...forwarded } });
        expect(foreign.status).toBe(404);

        const fromElsewhere = await fakedAddress(app.handler, '192.0.2.7');
        const remote = await ask(fromElsewhere, { path: INSPECTOR, headers: { host: 'localhost', ...forwarded } });
        expect(remote).toMatchObject({ status: 404 });
        expect(JSON.parse(remote.body)).toEqual({
            code: 404,
            message: `There is no route for GET ${INSPECTOR}`,
            data: null,
        });

        const tunnel = await ask(app.url, {
            path: INSPECTOR,
            headers: { host: 'localhost', 'x-forwarded-for': '192.0.2.7' },
        });
        expect(tunnel.status).toBe(404);
        for (const [name, value] of [
            ['x-forwarded-host', 'shop-10000.tunnel.test'],
            ['x-original-host', 'shop-10000.tunnel.test'],
            ['x-real-ip', '192.0.2.7'],
            ['cf-connecting-ip', '192.0.2.7'],
            ['true-client-ip', '192.0.2.7'],
            ['x-client-ip', '192.0.2.7'],
            ['fly-client-ip', '192.0.2.7'],
            ['x-cluster-client-ip', 'unknown'],
            ['x-azure-socketip', '192.0.2.7'],
            ['x-envoy-external-address', '2001:db8::7'],
            ['x-of-a-proxy-to-come', '127.0.0.1, [2001:db8::7]:443'],
            ['x-of-a-proxy-to-come', '192.0.2.7:4711'],
            ['forwarded', 'for=127.0.0.1;proto=https, for="[2001:db8::7]:443"'],
            ['forwarded', 'proto=https;host=shop.test'],
        ] as const) {
            const answer = await ask(app.url, { path: INSPECTOR, headers: { host: 'localhost', [name]: value } });
            expect(answer.status, `${name}: ${value}`).toBe(404);
        }
        const own = {
            'x-client-ip': '127.0.0.1',
            'x-of-a-proxy': '::1',
            'x-version': '4.2',
            'sec-ch-ua': '"A";v="1.2.3.4"',
        };
        const local = await ask(app.url, { path: INSPECTOR, headers: { host: 'localhost', ...forwarded, ...own } });
        expect(local.status).toBe(200);
    });

    test.each([
        ['127.0.0.1', 200],
        ['::ffff:127.0.0.1', 200],
        ['::1', 200],
        ['::ffff:192.168.1.20', 404],
        ['192.168.1.20', 404],
        ['fe80::1', 404],
        ['2001:db8::1', 404],
        ['1270.0.0.1', 404],
        [undefined, 404],
    ])('a socket from %s is answered with %i', async (address, status) => {
        const app = await developed({ routes: shop });
        const url = await fakedAddress(app.handler, address);
        expect((await ask(url, { path: INSPECTOR, headers: { host: 'localhost' } })).status).toBe(status);
    });

    const address = Object.values(networkInterfaces())
        .flat()
        .find((one) => one && !one.internal && one.family === 'IPv4')?.address;

    test.skipIf(!address)('nor for a real connection by another address of this machine', async () => {
        const app = await developed({ routes: shop });
        const server = createServer(app.handler).listen(0, '0.0.0.0');
        onTestFinished(() => void server.close());
        await new Promise((resolve) => server.once('listening', resolve));
        const { port } = server.address() as { port: number };

        const path = INSPECTOR;
        const headers = { host: 'localhost' };
        expect((await ask(`http://${address}:${port}`, { path, headers })).status).toBe(404);
        expect((await ask(`http://127.0.0.1:${port}`, { path, headers })).status).toBe(200);
    });
});

describe('its stream', () => {
    test('says when a request was answered, and ends with the server, at once', async () => {
        const app = await developed({ routes: shop, http: { shutdownTimeoutMs: 3_600_000 } });
        const stream = open(app.url);
        expect(await stream.received(/data: hello\n\n/)).toMatch(/retry: \d+/);
        expect(stream.text).toMatch(/content-type: text\/event-stream/i);

        await app.client().get('/idle');
        await stream.received(/data: new\n\n/);

        await app.close();
        await stream.closed;
    });

    test('there are 20 at the most', async () => {
        const app = await developed({ routes: shop });
        const streams = Array.from({ length: 20 }, () => open(app.url));
        await Promise.all(streams.map((stream) => stream.received(/hello/)));

        expect(await open(app.url).received(/HTTP\/1.1 \d+/)).toMatch(/503/);
        streams[0]?.destroy();
        await vi.waitFor(async () => expect(await open(app.url).received(/HTTP\/1.1 \d+/)).toMatch(/200/));
    });

    function open(url: string): RawClient {
        const client = new RawClient(Number(new URL(url).port));
        onTestFinished(() => client.destroy());
        return client.send(`GET ${INSPECTOR}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    }
});

describe('the way to it', () => {
    test('is on the welcome page and on the error page, for who may see it', async () => {
        const app = await developed({
            routes: (router) => {
                router.get('/', (request, response) => welcome(request, response));
                router.get('/broken', () => {
                    throw new Error('broken');
                });
            },
        });
        const link = `href="${INSPECTOR}"`;
        const html = { accept: 'text/html', host: 'localhost' };
        for (const path of ['/', '/broken']) {
            expect((await ask(app.url, { path, headers: html })).body, path).toContain(link);
            expect((await ask(app.url, { path, headers: { ...html, host: 'evil.test' } })).body, path).not.toContain(
                link,
            );
        }
    });

    test('is in the banner, where sessions are on and the address is of this machine', async () => {
        const on = await developed();
        const off = await developed({ session: { enabled: false } });
        const at = (address: string) => ({ address, family: address.includes(':') ? 'IPv6' : 'IPv4', port: 10_000 });

        expect(banner(on.app, at('::'))).toContain('  Inspector    http://localhost:10000/__sosise/sessions\n');
        expect(banner(on.app, at('192.168.1.20'))).not.toContain('Inspector');
        expect(banner(off.app, at('::'))).not.toContain('Inspector');
    });

    test('is a small page with a strict policy that loads nothing', async () => {
        const app = await developed({ routes: shop });
        const page = await app.client().visit(INSPECTOR);
        const policy = page.headers.get('content-security-policy') ?? '';

        expect(policy).toContain("default-src 'none'");
        expect(policy).toMatch(/script-src 'sha256-[\w+/=]{44}';connect-src 'self'/);
        expect(policy).not.toMatch(/unsafe|\*/);
        expect(page.text.replace('http://www.w3.org/2000/svg', '')).not.toMatch(
            /https?:\/\/|<link rel="stylesheet|src=/,
        );
        expect(page.body.length).toBeLessThan(20_000);
    });
});

interface Asked {
    readonly method?: string;
    readonly path: string;
    readonly headers: Record<string, string>;
}

/** A request with any Host. */
async function ask(url: string, { method = 'GET', path, headers }: Asked): Promise<{ status: number; body: string }> {
    const { hostname, port } = new URL(url);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        httpRequest({ hostname, port, method, path, headers, agent: false }, resolve).on('error', reject).end();
    });
    const chunks: Buffer[] = [];
    for await (const chunk of answer) {
        chunks.push(chunk as Buffer);
    }
    return { status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
}

/** A server to whose application every client seems to be elsewhere. */
async function fakedAddress(handler: Express, address: string | undefined): Promise<string> {
    const server = createServer((request, response) => {
        Object.defineProperty(request.socket, 'remoteAddress', { configurable: true, value: address });
        handler(request, response);
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

async function expectUntouched(options: SessionAppOptions): Promise<void> {
    const app = await developed({
        ...options,
        routes: shop,
        session: { ...options.session, cookie: { maxAge: HOUR } },
    });
    const client = app.client();
    await client.post('/put', { json: { cart: { tea: 1 } } });
    await request(client, '/put');
    const { driver } = layerOf(app);
    const key = keyIn(cookiesOf(client, app), app);
    const before = await driver.read(key);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + HOUR / 2 }); // a touch would be due
    onTestFinished(() => void vi.useRealTimers());

    const figures = (await Inspection.of(client)).figures;
    for (const path of ['', '/', '/state?stored=1', '/value?key=cart']) {
        const answer = await client.get(`${INSPECTOR}${path}`);
        expect(answer.headers.getSetCookie(), path).toEqual([]);
        expect(answer.headers.get('vary') ?? '', path).not.toMatch(/cookie/i);
    }
    const seen = await Inspection.of(client);

    expect(seen.session).toMatch(/cart \{1\} tea : 1/);
    expect(seen.figures).toBe(figures);
    expect(seen.requests.map(({ line }) => line.split(' ')[2])).toEqual(['/put']);
    expect(seen.stored).toMatch(/^1 session, /);
    expect(await driver.read(key)).toEqual(before);
    await client.get('/idle');
    expect((await request(client, '/idle')).outcome).toBe('touched');
}
