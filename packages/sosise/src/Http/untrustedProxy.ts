import type { IncomingHttpHeaders } from 'node:http';
import type { Request } from 'express';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { Logger } from '../Logging/Logger.js';
import type { HttpConfig } from './HttpConfig.js';
import { TRUST_THE_PROXY } from './trustTheProxy.js';

/**
 * Makes what looks for the first request that came through a proxy, and logs how to trust it; it is true then. Undefined
 * where a proxy is trusted. Anybody can send such a header, so the log says it once, and no address.
 */
export function untrustedProxy(app: ApplicationKernel): ((request: Request) => boolean) | undefined {
    const http = app.config.find<Partial<HttpConfig>>('http');
    if (!http || http.trustProxy || !app.container.has(Logger)) {
        return undefined;
    }

    return function look({ headers }) {
        const header = ofProxy(headers);
        if (header === undefined) {
            return false;
        }
        const alsoSend = header === 'Forwarded' ? ', and let it send X-Forwarded-For and X-Forwarded-Proto' : '';
        app.container
            .make(Logger)
            .warning(
                `A request came with the header ${header}, which is ignored: no proxy is trusted. Is a proxy in front? ` +
                    `${TRUST_THE_PROXY}${alsoSend}. If there is none, the client made the header up, and nothing is to be done.`,
            );
        return true;
    };
}

/** What a proxy has added, if one has. Of a trusted proxy the first two are read, and the last is not. */
function ofProxy(headers: IncomingHttpHeaders): 'X-Forwarded-For' | 'X-Forwarded-Proto' | 'Forwarded' | undefined {
    if (headers['x-forwarded-for'] !== undefined) {
        return 'X-Forwarded-For';
    }
    if (headers['x-forwarded-proto'] !== undefined) {
        return 'X-Forwarded-Proto';
    }
    return headers.forwarded === undefined ? undefined : 'Forwarded';
}
