import type { Router } from 'express';
import session from 'express-session';
import { describe, expect, test } from 'vitest';
import { SessionManager } from './helpers/inside/Session/Opening.js';
import { exclusive, flash, flashed, login, logout } from './helpers/inside/Session.js';
import { onRedis } from './helpers/onRedis.js';
import { PageBrowser, type Purpose } from './helpers/PageBrowser.js';
import { type SessionApp, type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';
import { interferedDriver } from './helpers/wrapDriver.js';

/** Holds requests until the test lets them go. */
class Door {
    private readonly waiting: (() => void)[] = [];
    private readonly arrivals: (() => void)[] = [];

    public pass(): Promise<void> {
        return new Promise((resolve) => {
            this.waiting.push(resolve);
            this.arrivals.shift()?.();
        });
    }

    public async arrived(): Promise<void> {
        if (this.waiting.length === 0) {
            await new Promise<void>((resolve) => this.arrivals.push(resolve));
        }
    }

    public open(): void {
        this.waiting.shift()?.();
    }
}

interface Shop extends SessionApp {
    door: Door;
    visitor(): PageBrowser;
}

async function shop(options: SessionAppOptions = {}): Promise<Shop> {
    const door = new Door();
    const routes = (router: Router) => {
        router.all('/save', (request, response) => {
            flash(request, 'status', request.query['status'] ?? 'Saved');
            response.redirect(303, '/page');
        });
        router.get('/page', (request, response) => {
            const twice = [flashed(request, 'status'), flashed(request, 'status')];
            response.send(twice[0] === twice[1] ? (twice[0] ?? 'nothing') : twice);
        });
        router.get('/other', (_request, response) => response.send('a page that looks at no session'));
        router.get('/redirect', (_request, response) => response.redirect('/page'));
        router.get('/redirect/reading', (request, response) => {
            response.redirect(`/page?${flashed(request, 'status')}`);
        });
        router.get('/broken', () => {
            throw new Error('on purpose');
        });
        router.get('/download', (_request, response) => response.attachment('report.txt').send('numbers'));
        router.get('/empty', (_request, response) => response.status(204).end());
        router.get('/again', (request, response) => {
            const before = flashed(request, 'status');
            flash(request, 'status', 'the next');
            response.send(`${before}, then ${flashed(request, 'status')}`);
        });
        router.get('/slow', async (request, response) => {
            request.session['slow'] = flashed(request, 'status') ?? 'none';
            await door.pass();
            response.send(String(request.session['slow']));
        });
        router.get('/slow/page', async (request, response) => {
            const status = flashed(request, 'status');
            await door.pass();
            response.send(status);
        });
        router.get('/slow/flash', async (request, response) => {
            const before = flashed(request, 'status');
            await door.pass();
            flash(request, 'news', `after ${before}`);
            response.send('flashed');
        });
        router.get('/news', (request, response) => response.send(flashed(request, 'news') ?? 'nothing'));
        router.get('/stream', async (request, response) => {
            response.write('status: ');
            response.end(flashed(request, 'status') ?? 'nothing');
        });
        router.get('/stream/late', async (request, response) => {
            flash(request, 'status', 'Saved');
            await request.session.save();
            response.write('and then');
            await door.pass();
            request.session['late'] = true;
            response.end();
        });
        router.get('/turn', exclusive(), (request, response) => response.send(flashed(request, 'status') ?? 'nothing'));
        router.get('/keys', (request, response) => {
            response.json(Object.keys(request.session).filter((key) => key.startsWith('~flash')));
        });
        router.get('/store', (request, response) => {
            request.session['other'] = '~flash:status:12345678';
            response.send('stored');
        });
        router.get('/login', async (request, response) => {
            flash(request, 'status', 'Welcome');
            await login(request, 7);
            response.redirect('/page');
        });
        router.get('/logout', async (request, response) => {
            await logout(request);
            response.send(String(flashed(request, 'status')));
        });
        router.get('/circle', (request) => {
            const circle: { self?: unknown } = {};
            circle.self = circle;
            flash(request, 'status', circle);
            request.res?.send('stored?');
        });
    };
    const app = await sessionApp({ ...options, routes });
    return { ...app, door, visitor: () => new PageBrowser(app.url) };
}

const plainStore: SessionAppOptions = {
    session: { driver: 'plain' },
    boot: (app) => app.container.make(SessionManager).extend('plain', () => new session.MemoryStore()),
};
const kinds: [string, SessionAppOptions][] = [
    ['file', { session: { driver: 'file' } }],
    ['memory', { session: { driver: 'memory' } }],
    ['file, encrypted', { session: { driver: 'file', encrypt: true } }],
    ['a plain store', plainStore],
];

describe.each(kinds)('flash on %s', (_, options) => {
    testFlash(options);
});

await onRedis('flash on redis', (server) => {
    testFlash({ session: { driver: 'redis', drivers: { redis: { ...server.options, prefix: 'flash:' } } } });
});

function testFlash(options: SessionAppOptions): void {
    test('what a form flashes is on the next page, as often as it asks, and gone on the page after it', async () => {
        const visitor = (await shop(options)).visitor();
        expect((await visitor.submit('/save', {})).status).toBe(303);
        expect(await visitor.get('/page')).toBe('Saved');
        expect(await visitor.get('/page')).toBe('nothing');
        expect(await visitor.get('/keys')).toBe('[]');
    });

    test('fetches, images, frames and prefetches in between may read it, and never take it', async () => {
        const visitor = (await shop(options)).visitor();
        await visitor.submit('/save', {});
        const others: Purpose[] = ['prefetch', 'fetch', 'image', 'frame', 'prefetch of an old browser'];
        for (const purpose of others) {
            expect(await visitor.get('/page', purpose), purpose).toBe('Saved');
        }
        expect(await visitor.get('/page')).toBe('Saved');
        expect(await visitor.get('/page', 'fetch')).toBe('nothing');
    });

    test('a request in flight neither brings a taken flash back nor loses what it flashes itself', async () => {
        const { door, visitor } = await shop(options);
        const browser = visitor();
        await browser.submit('/save', {});
        const slow = [browser.get('/slow', 'fetch')];
        await door.arrived();
        expect(await browser.get('/page')).toBe('Saved');
        door.open();
        expect(await Promise.all(slow)).toEqual(['Saved']);
        expect(await browser.get('/page', 'fetch')).toBe('nothing');

        await browser.submit('/save', {});
        const flashing = browser.get('/slow/flash', 'fetch');
        await door.arrived();
        expect(await browser.get('/page')).toBe('Saved');
        door.open();
        await flashing;
        expect(await browser.get('/news')).toBe('after Saved');
        expect(await browser.get('/news')).toBe('nothing');
    });

    test('a page that shows it while its visitor logs out elsewhere is still a page', async () => {
        const { visitor, door } = await shop();
        const browser = visitor();
        await browser.visit('/save');
        const elsewhere = browser.copy();
        const page = browser.ask('/slow/page');
        await door.arrived();
        await elsewhere.visit('/logout');
        door.open();
        expect([(await page).status, await (await page).text()]).toEqual([200, 'Saved']);
    });

    test('a page in flight takes what it found, and not what is flashed under the same key meanwhile', async () => {
        const { door, visitor } = await shop(options);
        const browser = visitor();
        await browser.submit('/save?status=first', {});
        const page = browser.get('/slow');
        await door.arrived();
        await browser.ask('/save?status=second', 'fetch');
        door.open();
        expect(await page).toBe('first');
        expect(await browser.get('/page')).toBe('second');
        expect(await browser.get('/keys')).toBe('[]');
    });

    test('a page that never looks at the session takes it all the same', async () => {
        const visitor = (await shop(options)).visitor();
        await visitor.submit('/save', {});
        expect(await visitor.get('/other')).toContain('a page');
        expect(await visitor.get('/page', 'fetch')).toBe('nothing');
        expect(await visitor.get('/keys')).toBe('[]');
    });
}

describe('flash', () => {
    test('what says nothing of its purpose, such as curl, is taken for a page', async () => {
        const visitor = (await shop()).visitor();
        await visitor.visit('/save');
        expect(await visitor.get('/page', 'unknown purpose')).toBe('Saved');
        expect(await visitor.get('/page', 'unknown purpose')).toBe('nothing');
    });

    test.each(['image/avif,image/webp,*/*;q=0.8', 'text/css,*/*;q=0.1'])(
        'a part of a page takes nothing, also where the browser does not say its purpose: %s',
        async (accept) => {
            const app = await shop();
            const visitor = app.visitor();
            await visitor.visit('/save');
            await visitor.ask('/page', 'unknown purpose', { accept });
            expect(await visitor.get('/page', 'unknown purpose')).toBe('Saved');
        },
    );

    test.each(['redirect', 'redirect/reading', 'broken', 'download', 'empty'])(
        'GET /%s shows no page, and takes nothing',
        async (path) => {
            const visitor = (await shop()).visitor();
            await visitor.submit('/save', {});
            await visitor.get(`/${path}`);
            expect(await visitor.get('/page')).toBe('Saved');
            expect(await visitor.get('/page')).toBe('nothing');
        },
    );

    test('HEAD shows no page either; a page that says 404 is one', async () => {
        const visitor = (await shop()).visitor();
        await visitor.submit('/save', {});
        await visitor.visit('/page', { method: 'HEAD' });
        expect(await visitor.get('/page', 'fetch')).toBe('Saved');
        expect((await visitor.ask('/nowhere')).status).toBe(404);
        expect(await visitor.get('/page')).toBe('nothing');
    });

    test('a page may flash for the next: each reads its own', async () => {
        const visitor = (await shop()).visitor();
        await visitor.submit('/save', {});
        expect(await visitor.get('/again')).toBe('Saved, then the next');
        expect(await visitor.get('/page')).toBe('the next');
        expect(await visitor.get('/page')).toBe('nothing');
    });

    test('a stream reads it after its headers have left', async () => {
        const visitor = (await shop()).visitor();
        await visitor.submit('/save', {});
        expect(await visitor.get('/stream')).toBe('status: Saved');
        expect(await visitor.get('/stream')).toBe('status: nothing');
    });

    test('a stream that has flashed breaks off where its session ended before what it changed later was stored', async () => {
        const { door, visitor } = await shop();
        const browser = visitor();
        await browser.submit('/save', {});
        const stream = browser.get('/stream/late').then(
            () => 'ended well',
            () => 'broke off',
        );
        await door.arrived();
        await browser.get('/logout');
        door.open();
        expect(await stream).toBe('broke off');
    });

    test('a newer value takes the place of one that still waits, so that they do not pile up', async () => {
        const visitor = (await shop()).visitor();
        for (const status of ['one', 'two', 'three']) {
            await visitor.ask(`/save?status=${status}`, 'fetch');
        }
        expect(JSON.parse(await visitor.get('/keys', 'fetch'))).toHaveLength(1);
        expect(await visitor.get('/page')).toBe('three');
    });

    test('a request that waited for its turn takes what the one before it flashed', async () => {
        const visitor = (await shop()).visitor();
        await visitor.submit('/save', {});
        expect(await visitor.get('/turn')).toBe('Saved');
        expect(await visitor.get('/turn')).toBe('nothing');
    });

    test('of pages that take turns only the first shows it, though all are asked for at once', async () => {
        const visitor = (await shop()).visitor();
        await visitor.submit('/save', {});
        const pages = await Promise.all([1, 2, 3].map(() => visitor.get('/turn')));
        expect(pages.sort()).toEqual(['Saved', 'nothing', 'nothing']);
    });

    test('it goes along with a login, and ends with the session', async () => {
        const visitor = (await shop()).visitor();
        await visitor.get('/login');
        expect(await visitor.get('/page')).toBe('Welcome');
        await visitor.submit('/save', {});
        expect(await visitor.get('/logout')).toBe('undefined');
        expect(await visitor.get('/page')).toBe('nothing');
    });

    test('asking makes no session, and a page with nothing to take writes nothing', async () => {
        let writes = 0;
        const driver = interferedDriver({ write: () => void writes++ });
        const { visitor } = await shop({
            session: { driver: 'counted' },
            boot: (app) => app.container.make(SessionManager).extend('counted', () => driver),
        });
        const browser = visitor();
        expect(await browser.get('/page')).toBe('nothing');
        expect(browser.received).toEqual([]);
        expect(writes).toBe(0);

        await browser.get('/store'); // a text that looks like a flash, and is none
        expect(writes).toBe(1);
        await browser.get('/page');
        const page = await browser.ask('/other');
        expect(page.headers.get('cache-control')).toBeNull();
        expect(writes).toBe(1);
        await browser.submit('/save', {});
        expect((await browser.ask('/other')).headers.get('cache-control')).toBeNull();
        await browser.get('/other');
        expect(writes).toBe(3);
    });

    test('without sessions both say what to do', async () => {
        const { log, visitor } = await shop({ session: { enabled: false } });
        for (const path of ['/save', '/page']) {
            expect((await visitor().ask(path)).status).toBe(500);
        }
        const errors = log.filter(({ level }) => level === 'error').map(({ message }) => message);
        expect(errors).toEqual([
            'flash() needs a session: set enabled to true in src/config/session.ts.',
            'flashed() needs a session: set enabled to true in src/config/session.ts.',
        ]);
    });

    test('what can not be stored is refused with its key', async () => {
        const { log, visitor } = await shop();
        expect((await visitor().ask('/circle')).status).toBe(500);
        expect(log.find(({ level }) => level === 'error')?.message).toMatch(/~flash:status:.*refers to itself/);
    });
});

test('Node.js fetches a page for a visitor, as servers that render and API clients do: it is shown once', async () => {
    const { url } = await shop();
    const saved = await fetch(`${url}/save`, { redirect: 'manual' });
    const [cookie = ''] = saved.headers.getSetCookie();
    const page = async () => (await fetch(`${url}/page`, { headers: { cookie: cookie.split(';')[0] ?? '' } })).text();

    expect([await page(), await page()]).toEqual(['Saved', 'nothing']);
});
