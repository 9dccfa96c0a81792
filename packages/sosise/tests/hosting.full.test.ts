import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { env, HttpServer } from 'sosise';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { readDocuments } from './docs/Markdown.js';
import { freePort } from './helpers/redis.js';
import { type SessionApp, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

/** Runs the nginx and the Caddy of docs/hosting.md as they are there, but for ports, the certificate and Cloudflare's ranges. */

const HOST = 'shop.example';
const VISITOR = '127.0.0.5';
const CLOUDFLARE = '127.0.0.6';
/** What a visitor sends who wants to be somebody else. */
const SPOOFED = { 'x-forwarded-for': '203.0.113.66', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' };

const blocks = readDocuments(new URL('../../..', import.meta.url).pathname).flatMap((document) =>
    document.name === 'docs/hosting.md' ? document.blocks.map(({ code }) => code) : [],
);
const block = (...parts: string[]) => blocks.find((code) => parts.every((part) => code.includes(part))) ?? '';

const has = (program: string) => spawnSync(program, ['version']).error === undefined;
const hasNginx = has('nginx');
const hasCaddy = has('caddy');

/** A folder for a proxy's files, with a certificate in it. */
function certified(): string {
    const folder = temporaryFolder();
    const name = ['-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`];
    const files = ['-keyout', 'shop.key', '-out', 'shop.pem'];
    const kind = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
    execFileSync('openssl', [...kind, ...name, ...files], { cwd: folder, stdio: 'ignore' });
    return folder;
}

/** Starts a proxy, and waits for the line that says it is ready. It ends with the test. */
async function start(program: string, args: string[], ready: RegExp): Promise<void> {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    onTestFinished(async () => {
        if (child.exitCode === null) {
            child.kill('SIGTERM');
            await once(child, 'exit');
        }
    });
    const lines: string[] = [];
    for await (const line of createInterface(child.stderr)) {
        lines.push(line);
        if (ready.test(line)) {
            child.stderr.resume();
            return;
        }
    }
    throw new Error(`${program} did not start:\n${lines.join('\n')}`);
}

async function nginx(server: string, folder: string): Promise<void> {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`);
    writeFileSync(
        join(folder, 'nginx.conf'),
        `daemon off; pid nginx.pid; error_log stderr notice; events {}\nhttp { access_log off; ${temporary.join(' ')}\n${server}\n}\n`,
    );
    await start('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], /start worker process /);
}

interface Proxy {
    port: number;
    folder: string;
}

type Started = (to: SessionApp, behindCloudflare?: boolean) => Promise<Proxy>;

const PROXIES: Record<'nginx' | 'caddy', Started> = {
    nginx: async (to, behindCloudflare) => {
        const [port, folder] = [await freePort(), certified()];
        const appended = block('$proxy_add_x_forwarded_for').trim();
        const server = block('conf.d/shop.conf')
            .replace('443', `127.0.0.1:${port}`)
            .replaceAll('/etc/ssl/', `${folder}/`)
            .replace('http://127.0.0.1:10000', to.url)
            .replace(/proxy_set_header X-Forwarded-For .*/, (line) => (behindCloudflare ? appended : line));
        await nginx(server, folder);
        return { port, folder };
    },
    caddy: async (to, behindCloudflare) => {
        const [port, folder] = [await freePort(), certified()];
        const site = block('Caddyfile', ...(behindCloudflare ? ['trusted_proxies'] : []))
            .replace(`${HOST} {`, `https://${HOST}:${port} {\n    tls ${folder}/shop.pem ${folder}/shop.key`)
            .replace('127.0.0.1:10000', to.url)
            .replace('173.245.48.0/20', CLOUDFLARE);
        const own = `admin off\nauto_https disable_redirects\nstorage file_system ${folder}/caddy`;
        writeFileSync(join(folder, 'Caddyfile'), `{\n${own}\n}\n${site}`);
        const args = ['run', '--adapter', 'caddyfile', '--config', join(folder, 'Caddyfile')];
        await start('caddy', args, /serving initial configuration/);
        return { port, folder };
    },
};

/** Stands for Cloudflare: it appends the visitor's address, and speaks https with the proxy behind it. */
async function cloudflare(origin: Proxy): Promise<Proxy> {
    const [port, folder] = [await freePort(), certified()];
    await nginx(
        `server {
            listen 127.0.0.1:${port} ssl;
            ssl_certificate ${folder}/shop.pem;
            ssl_certificate_key ${folder}/shop.key;
            location / {
                proxy_pass https://127.0.0.1:${origin.port};
                proxy_bind ${CLOUDFLARE};
                proxy_ssl_server_name on;
                proxy_ssl_name ${HOST};
                proxy_set_header Host $host;
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                proxy_set_header X-Forwarded-Proto $scheme;
            }
        }`,
        folder,
    );
    return { port, folder };
}

/** A production application that stores something in each session, with TRUST_PROXY as it would be set there. */
function shop(trusted: string | undefined): Promise<SessionApp> {
    const sockets = new WebSocketServer({ noServer: true });
    vi.stubEnv('TRUST_PROXY', trusted);
    return sessionApp({
        environment: 'production',
        session: { name: undefined },
        http: { trustProxy: env.proxies('TRUST_PROXY', false) },
        boot: ({ container }) => {
            container.make(HttpServer).onUpgrade('/live', (request, socket, head) => {
                sockets.handleUpgrade(request, socket, head, (client) => client.send('welcome'));
            });
        },
        routes: (router) => {
            router.get('/', (request, response) => {
                request.session['seen'] = true;
                response.json([request.ip, request.secure, request.hostname]);
            });
        },
    });
}

async function visit({ port, folder }: Proxy): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }> {
    const asked = request({
        host: '127.0.0.1',
        port,
        localAddress: VISITOR,
        servername: HOST,
        headers: { host: HOST, ...SPOOFED },
        ca: readFileSync(join(folder, 'shop.pem')),
        agent: false,
    }).end();
    const [answer] = await once(asked, 'response');
    return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

const ofVisitor = JSON.stringify([VISITOR, true, HOST]);
const secureCookie = [expect.stringMatching(/^__Host-sosise=.*; Secure/)];

afterEach(() => vi.unstubAllEnvs());

describe.each([
    ['nginx', hasNginx],
    ['caddy', hasCaddy],
] as const)('%s, set as docs/hosting.md says', (name, isHere) => {
    test.skipIf(!isHere)('gives the application https and the visitor, whatever the visitor claims', async () => {
        const { status, headers, body } = await visit(await PROXIES[name](await shop('1')));
        expect([status, body, headers['set-cookie']]).toEqual([200, ofVisitor, secureCookie]);
    });

    test.skipIf(!isHere)('stores no session without TRUST_PROXY, and the log names the line', async () => {
        const app = await shop(undefined);
        const { status, headers } = await visit(await PROXIES[name](app));
        expect([status, headers['set-cookie']]).toEqual([503, undefined]);
        expect(app.log.filter(({ message }) => message.includes('such as TRUST_PROXY=1'))).toHaveLength(2);
        expect(app.log[0]?.message).toContain('A request came with the header X-Forwarded-For, which is ignored');
    });

    test.skipIf(!isHere)('lets a WebSocket through', async () => {
        const { port, folder } = await PROXIES[name](await shop('1'));
        const options = { servername: HOST, headers: { host: HOST }, ca: readFileSync(join(folder, 'shop.pem')) };
        const socket = new WebSocket(`wss://127.0.0.1:${port}/live`, options);
        const [message] = await once(socket, 'message');
        socket.terminate();
        expect(String(message)).toBe('welcome');
    });

    test.skipIf(!isHere || !hasNginx)('with Cloudflare in front, is the second of two proxies', async () => {
        const edge = await cloudflare(await PROXIES[name](await shop('2'), true));
        const { status, headers, body } = await visit(edge);
        expect([status, body, headers['set-cookie']]).toEqual([200, ofVisitor, secureCookie]);
    });

    test.skipIf(!isHere || !hasNginx)('with Cloudflare in front, 1 gives the address of Cloudflare', async () => {
        const edge = await cloudflare(await PROXIES[name](await shop('1'), true));
        expect(JSON.parse((await visit(edge)).body).slice(0, 2)).toEqual([CLOUDFLARE, true]);
    });
});
