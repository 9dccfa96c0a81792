import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { RedisStore } from './helpers/inside/Session/Stores/Redis.js';
import { onRedis } from './helpers/onRedis.js';
import { freePort, RedisServer } from './helpers/redis.js';
import { sessionApp, temporaryFolder } from './helpers/sessionApp.js';

const PASSWORD = 'Geheim7kQ2vX9mZ4rT8w';

/** An authority of our own, and a certificate for localhost that it signed. */
class Certificates {
    private readonly folder = temporaryFolder();

    public constructor() {
        this.openssl('req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt');
        this.openssl('req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr');
        writeFileSync(join(this.folder, 'names'), 'subjectAltName=DNS:localhost');
        this.openssl(
            'x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile names -out server.crt',
        );
    }

    public get authority(): string {
        return readFileSync(this.file('ca.crt'), 'utf8');
    }

    public file(name: string): string {
        return join(this.folder, name);
    }

    private openssl(args: string): void {
        execFileSync('openssl', args.split(' '), { cwd: this.folder, stdio: 'ignore' });
    }
}

/** It takes TLS on a port of its own. */
async function safeServer(certificates: Certificates): Promise<number> {
    const port = await freePort();
    const files = ['ca-cert', 'cert', 'key'].flatMap((name, index) => [
        `--tls-${name}-file`,
        certificates.file(['ca.crt', 'server.crt', 'server.key'][index] as string),
    ]);
    const settings = ['--tls-port', String(port), '--tls-auth-clients', 'no', '--requirepass', PASSWORD];
    const server = await RedisServer.start(...settings, ...files);
    onTestFinished(() => server.stop());
    return port;
}

await onRedis('Redis behind TLS', () => {
    test('keeps sessions, by tls and by an address that begins with rediss', async () => {
        const certificates = new Certificates();
        const port = await safeServer(certificates);
        const tls = { ca: certificates.authority };
        for (const redis of [
            { host: 'localhost', port, password: PASSWORD, tls },
            { url: `rediss://:${PASSWORD}@localhost:${port}/0`, tls },
        ]) {
            const app = await sessionApp({
                session: { driver: 'redis', drivers: { redis } },
                routes: (router) => {
                    router.post('/put', (request, response) => {
                        request.session['n'] = 1;
                        response.json('put');
                    });
                    router.get('/get', (request, response) => void response.json(request.session['n'] ?? null));
                },
            });
            const browser = app.browser();
            await browser.visit('/put', { method: 'POST' });
            expect(await browser.json('/get')).toBe(1);
        }
    });

    test('is refused at once where its certificate can not be trusted, and the message says what to mend', async () => {
        const certificates = new Certificates();
        const port = await safeServer(certificates);
        const connectTimeoutMs = 3_600_000;
        const untrusted = RedisStore.open({
            host: 'localhost',
            port,
            password: PASSWORD,
            tls: true,
            connectTimeoutMs,
        });
        await expect(untrusted).rejects.toThrow(
            /localhost:\d+ can't be spoken to over TLS \(SELF_SIGNED_CERT_IN_CHAIN\): correct tls of drivers\.redis/,
        );
        const otherHost = RedisStore.open({
            host: '127.0.0.1',
            port,
            password: PASSWORD,
            tls: { ca: certificates.authority },
            connectTimeoutMs,
        });
        const error = await otherHost.catch((thrown: unknown) => thrown);
        expect((error as Error).message).toContain('over TLS (ERR_TLS_CERT_ALTNAME_INVALID)');
        expect(inspect(error, { depth: null })).not.toContain(PASSWORD);
    });
});
