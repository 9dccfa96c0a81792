import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './sessionApp.js';

export interface Keys {
    readonly key: string;
    readonly cert: string;
}

/** A key with a certificate that nobody trusts. */
export function selfSigned(): Keys {
    const folder = temporaryFolder();
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=members.test'];
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

/** The flag of Chromium that makes it trust this certificate. It has to have a profile in a folder. */
export function trusting({ cert }: Keys): string {
    const key = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
    return `--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`;
}

/** A proxy that speaks https in front of an application that trusts proxies of this machine. Gives its port. */
export function httpsProxy(appUrl: string, keys: Keys = selfSigned()): Promise<number> {
    const proxy = createServer(keys, (request, response) => {
        const headers = { ...request.headers, 'x-forwarded-proto': 'https' };
        const { method, url } = request;
        request.pipe(
            httpRequest(appUrl + url, { method, headers }, (answer) => {
                response.writeHead(answer.statusCode as number, answer.rawHeaders);
                answer.pipe(response);
            }),
        );
    });
    return listenUntilEnd(proxy);
}

/** Gives the port of a server that listens until the test ends. */
export async function listenUntilEnd(server: Server): Promise<number> {
    server.listen(0, '127.0.0.1');
    onTestFinished(() => {
        server.closeAllConnections();
        server.close();
    });
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
}
