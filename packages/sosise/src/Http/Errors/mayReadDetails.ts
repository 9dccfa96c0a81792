import { isIP } from 'node:net';
import type { Request } from 'express';
import type { ApplicationKernel } from '../../Kernel/ApplicationKernel.js';

/** What a developer reads who came by another name. */
export const DETAILS_ELSEWHERE =
    'What a developer would read is not shown under this host name: use localhost or an IP address, or name this origin in trustedOrigins of src/config/http.ts.';

/** Endings that nobody can register: RFC 6761 and 6762, and ICANN's for private networks. */
const PRIVATE_ENDINGS = /\.(?:localhost|test|local|internal)$/;

/**
 * Whether what developers read may be told to the page that asks. A stranger's page can let the name it came by point to
 * this machine (DNS rebinding), and would read it too; what no stranger can register, or trustedOrigins name, is nobody
 * else's. `Host` and not what proxies say: such a page may send any other header.
 */
export function mayReadDetails(app: ApplicationKernel, request: Request): boolean {
    const host = request.headers.host;
    if (host === undefined) {
        return true; // no browser
    }
    const name = hostNameOf(`http://${host}`);
    return name !== undefined && (isPrivate(name) || isTrusted(app, name));
}

/** Whether no stranger can register the name in a `Host` header. */
export function isPrivateHost(host: string): boolean {
    const name = hostNameOf(`http://${host}`);
    return name !== undefined && isPrivate(name);
}

function isPrivate(name: string): boolean {
    return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || !name.includes('.') || PRIVATE_ENDINGS.test(name);
}

function isTrusted(app: ApplicationKernel, name: string): boolean {
    const origins = app.config.find<{ readonly trustedOrigins?: readonly string[] }>('http')?.trustedOrigins ?? [];
    return origins.some((origin) => hostNameOf(origin) === name);
}

/** As browsers write it, without the dot that may end it. */
function hostNameOf(url: string): string | undefined {
    return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, '') : undefined;
}
