import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { DevToolsServiceProvider } from './helpers/inside/DevTools.js';
import { welcome } from './helpers/inside/Welcome.js';
import { type HttpApp, httpApp } from './httpApp.js';

let running: HttpApp[] = [];

afterEach(async () => {
    await Promise.all(running.map(({ close }) => close()));
    running = [];
});

async function inDevelopment(): Promise<HttpApp> {
    const app = await httpApp({
        environment: 'development',
        providers: [DevToolsServiceProvider],
        http: { trustProxy: true, trustedOrigins: ['http://dev.example.com:5173'] },
        routes: (router) => {
            router.get('/', welcome);
            router.get('/broken', () => {
                throw new Error('It broke in details.ts');
            });
        },
    });
    running.push(app);
    return app;
}

function asked({ port }: HttpApp, path: string, headers: Record<string, string>): Promise<string> {
    return new Promise((resolve, reject) => {
        request({ port, host: '127.0.0.1', path, headers }, (response) => resolve(text(response)))
            .on('error', reject)
            .end();
    });
}

const DETAILS = /Environment|details\.ts/;
const PAGE = 'text/html';

describe('what developers read in development', () => {
    test.each([
        'localhost:10000',
        'shop.localhost',
        'LOCALHOST.',
        '127.0.0.1:10000',
        '127.8.9.10',
        '[::1]:10000',
        '192.168.1.20:10000',
        'app:10000',
        'shop.test',
        'mac.local',
        'host.docker.internal',
        'dev.example.com:10000',
    ])('is shown under %s', async (host) => {
        const app = await inDevelopment();
        expect(await asked(app, '/', { host, accept: PAGE })).toMatch(DETAILS);
        expect(await asked(app, '/broken', { host, accept: PAGE })).toMatch(DETAILS);
        expect(await asked(app, '/broken', { host, accept: 'application/json' })).toMatch(DETAILS);
    });

    test.each([
        'stranger.example',
        'localhost.stranger.example:10000',
        '127.0.0.1.stranger.example',
        'test.stranger.example.',
        'example.com',
    ])('is hidden under %s, which a stranger could let point here, and the page says what to do', async (host) => {
        const app = await inDevelopment();
        const headers = { host, 'x-forwarded-host': 'localhost', forwarded: 'host=localhost' };
        for (const path of ['/', '/broken']) {
            const page = await asked(app, path, { ...headers, accept: PAGE });
            expect(page).not.toMatch(DETAILS);
            expect(page).toContain('use localhost or an IP address, or name this origin in trustedOrigins');
        }
        const envelope = JSON.parse(await asked(app, '/broken', { ...headers, accept: 'application/json' }));
        expect(envelope).toMatchObject({ code: 500, message: expect.stringContaining('Something went wrong') });
        expect(JSON.stringify(envelope)).not.toMatch(DETAILS);
    });
});
