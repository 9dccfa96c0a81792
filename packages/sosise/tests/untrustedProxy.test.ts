import { env } from 'sosise';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type SessionApp, sessionApp } from './helpers/sessionApp.js';

const told = ({ log }: Pick<SessionApp, 'log'>) =>
    log.filter(({ message }) => message.startsWith('A request came with'));

describe('the first request through a proxy that is not trusted', () => {
    test('is told in the log with the line to change, once, without an address', async () => {
        const app = await sessionApp();
        await fetch(`${app.url}/up`);
        expect(told(app)).toEqual([]);
        for (const address of ['203.0.113.9', '203.0.113.10']) {
            await fetch(`${app.url}/up`, { headers: { 'x-forwarded-for': address, 'x-forwarded-proto': 'https' } });
        }
        expect(told(app)).toEqual([
            {
                level: 'warning',
                message:
                    'A request came with the header X-Forwarded-For, which is ignored: no proxy is trusted. Is a proxy in front? Set ' +
                    'TRUST_PROXY to the number of proxies in front, such as TRUST_PROXY=1, or to their addresses (trustProxy in ' +
                    'src/config/http.ts). If there is none, the client made the header up, and nothing is to be done.',
                context: {},
            },
        ]);
    });

    test.each([
        ['X-Forwarded-Proto', 'https', '.'],
        ['Forwarded', 'for=203.0.113.9;proto=https', ', and let it send X-Forwarded-For and X-Forwarded-Proto.'],
    ])('is known by %s, too', async (header, value, end) => {
        const app = await sessionApp();
        await fetch(`${app.url}/up`, { headers: { [header]: value } });
        expect(told(app)[0]?.message).toContain(`A request came with the header ${header}, which`);
        expect(told(app)[0]?.message).toContain(`(trustProxy in src/config/http.ts)${end} If there is none`);
    });

    test.each([1, 2, 'loopback', ['10.0.0.0/8']])('is nothing to tell where trustProxy is %j', async (trustProxy) => {
        const app = await sessionApp({ http: { trustProxy } });
        await fetch(`${app.url}/up`, { headers: { 'x-forwarded-for': '203.0.113.9, 10.0.0.1' } });
        expect(told(app)).toEqual([]);
    });
});

describe('TRUST_PROXY', () => {
    afterEach(() => vi.unstubAllEnvs());

    test.each([
        [undefined, '127.0.0.1', false],
        ['0', '127.0.0.1', false],
        ['1', '10.0.0.1', true],
        ['2', '203.0.113.9', true],
        ['loopback', '10.0.0.1', true],
        ['loopback, 10.0.0.0/8', '203.0.113.9', true],
        ['192.0.2.1', '127.0.0.1', false],
    ])('of %j says whose address a visitor has, and whether https is believed', async (value, ip, isSecure) => {
        vi.stubEnv('TRUST_PROXY', value);
        const app = await sessionApp({
            http: { trustProxy: env.proxies('TRUST_PROXY', false) },
            routes: (router) => {
                router.get('/', (request, response) => void response.json([request.ip, request.secure]));
            },
        });
        const headers = { 'x-forwarded-for': '198.51.100.1, 203.0.113.9, 10.0.0.1', 'x-forwarded-proto': 'https' };
        expect(await (await fetch(app.url, { headers })).json()).toEqual([ip, isSecure]);
    });
});
