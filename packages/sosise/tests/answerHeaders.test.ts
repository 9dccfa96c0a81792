import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { login, requireLogin } from 'sosise';
import { expect, test } from 'vitest';
import { sessionApp, temporaryFolder } from './helpers/sessionApp.js';

/** What browsers are told with every answer, as ASVS 5.0 asks in V3.4. */

const JSON_TYPE = { 'content-type': 'application/json' };
const ANSWERS: readonly [name: string, status: number, path: string, init?: RequestInit][] = [
    ['a page', 200, '/page'],
    ['JSON', 200, '/json'],
    ['a session that begins', 200, '/store', { headers: { 'x-forwarded-proto': 'https' } }],
    ['a session that can not begin', 503, '/store'],
    ['a redirect', 302, '/redirect'],
    ['a file of public/', 200, '/style.css'],
    ['GET /up', 200, '/up'],
    ['GET /ready', 200, '/ready'],
    ['OPTIONS', 200, '/json', { method: 'OPTIONS' }],
    ['an unknown path', 404, '/nowhere'],
    ['a malformed path', 400, '/%E0%A4%A'],
    ['a malformed body', 400, '/json', { method: 'POST', body: '{', headers: JSON_TYPE }],
    ['a missing login', 401, '/members'],
    ['a request of another site', 403, '/login', { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } }],
    ['a route that fails', 500, '/throw'],
];

async function site(): Promise<string> {
    const root = temporaryFolder();
    mkdirSync(join(root, 'public'));
    writeFileSync(join(root, 'public/style.css'), 'body {}');
    const { url } = await sessionApp({
        root,
        environment: 'production',
        http: { trustProxy: 1 },
        routes: (router) => {
            router.get('/members', requireLogin(), (_request, response) => void response.json('members'));
            router.post('/login', (request, response, next) => {
                login(request, 7).then(() => response.json('welcome'), next);
            });
            router.get('/page', (_request, response) => void response.send('<!doctype html><p>page</p>'));
            router.get('/json', (_request, response) => void response.json('json'));
            router.get('/redirect', (_request, response) => response.redirect('/page'));
            router.get('/throw', () => {
                throw new Error('hunter2');
            });
            router.get('/store', (request, response) => {
                request.session['key'] = 1;
                response.json('stored');
            });
        },
    });
    return url;
}

async function headersOf(path: string, init: RequestInit | undefined, status: number): Promise<Headers> {
    const response = await fetch(`${await site()}${path}`, { redirect: 'manual', ...init });
    expect(response.status).toBe(status);
    return response.headers;
}

function directive(headers: Headers, name: string): string | undefined {
    const directives = headers.get('content-security-policy')?.split(';') ?? [];
    return directives.find((one) => one.startsWith(`${name} `))?.slice(name.length + 1);
}

test.each(ANSWERS)(
    'every answer tells browsers to come by https for a year, subdomains too: %s',
    async (_name, status, path, init) => {
        const headers = await headersOf(path, init, status);
        expect(headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains');
    },
);

test.each(ANSWERS)(
    'every answer has a policy that lets in what this host serves, and nothing inline: %s',
    async (_name, status, path, init) => {
        const headers = await headersOf(path, init, status);
        expect(directive(headers, 'object-src')).toBe("'none'");
        expect(directive(headers, 'base-uri')).toBe("'none'");
        expect(directive(headers, 'default-src')).toBe("'self'");
        expect(directive(headers, 'script-src')).toBe("'self'");
    },
);

test.each(ANSWERS)('no answer is taken for another type than it says: %s', async (_name, status, path, init) => {
    expect((await headersOf(path, init, status)).get('x-content-type-options')).toBe('nosniff');
});

test.each(ANSWERS)(
    'no other site learns from an address where a visitor was: %s',
    async (_name, status, path, init) => {
        expect((await headersOf(path, init, status)).get('referrer-policy')).toBe('same-origin');
    },
);

test.each(ANSWERS)('no answer can be embedded: %s', async (_name, status, path, init) => {
    expect(directive(await headersOf(path, init, status), 'frame-ancestors')).toBe("'none'");
});

test.each(ANSWERS)('no window of another site reaches the one of an answer: %s', async (_name, status, path, init) => {
    expect((await headersOf(path, init, status)).get('cross-origin-opener-policy')).toBe('same-origin');
});

test('a policy can say where browsers report what it has blocked', async () => {
    const directives = { 'report-uri': ['/blocked'] };
    const { url } = await sessionApp({ http: { securityHeaders: { contentSecurityPolicy: { directives } } } });
    const { headers } = await fetch(url);
    expect(directive(headers, 'report-uri')).toBe('/blocked');
    expect(directive(headers, 'script-src')).toBe("'self'");
});
