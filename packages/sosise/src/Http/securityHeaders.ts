import type { RequestHandler } from 'express';
import helmet, { type HelmetOptions } from 'helmet';
import { ConfigError } from '../Exceptions/errors.js';
import { http } from '../Support/http.js';
import { validHeaders } from './Fast/validHeaders.js';

type Policy = Exclude<HelmetOptions['contentSecurityPolicy'], boolean | undefined>;
type Directives = NonNullable<Policy['directives']>;

/** Nothing but what this application serves itself: no inline scripts and styles, no frames, no other origins. */
const DIRECTIVES: Directives = {
    'default-src': ["'self'"],
    'base-uri': ["'none'"],
    'object-src': ["'none'"],
    'frame-ancestors': ["'none'"],
    'form-action': ["'self'"],
    'script-src': ["'self'"],
    'script-src-attr': ["'none'"],
    'style-src': ["'self'"],
    'img-src': ["'self'", 'data:'],
    'font-src': ["'self'"],
    'connect-src': ["'self'"],
};

/**
 * helmet with stricter defaults than its own. No Permissions-Policy: browsers ask the visitor before a page gets at
 * what it governs, and without frames there is nobody to deny it to.
 */
export function securityHeaders(options: HelmetOptions, asksForHttps: boolean): RequestHandler {
    const { contentSecurityPolicy: policy = true, ...others } = options;
    const defaults: HelmetOptions = {
        // helmet's no-referrer would make browsers send `Origin: null` with forms of our own pages, too.
        referrerPolicy: { policy: 'same-origin' },
        ...('frameguard' in others ? {} : { xFrameOptions: { action: 'deny' } }),
        // https for a year would outlive a trial on plain http, and reach what else runs on localhost.
        ...(asksForHttps || 'hsts' in others ? {} : { strictTransportSecurity: false }),
    };
    try {
        const laid = policy && laidOver(policy === true ? {} : policy, asksForHttps);
        const middleware = helmet({ ...defaults, ...others, contentSecurityPolicy: laid } as HelmetOptions);
        return laid && isMadePerRequest(laid) ? middleware : once(middleware);
    } catch (cause) {
        throw new ConfigError(`src/config/http.ts: securityHeaders: ${(cause as Error).message}`, { cause });
    }
}

/**
 * Headers that are the same for all answers are asked for once: helmet's dozen middlewares would cost 4 µs more a
 * request on Node.js 24, 5 on 26.
 */
function once(helmetMiddleware: ReturnType<typeof helmet>): RequestHandler {
    const headers = new Map<string, string>();
    const response = {
        setHeader: (name: string, value: string) => {
            http.validateHeaderValue(name, value); // which helmet leaves to setHeader()
            headers.set(name, value);
        },
        removeHeader: () => undefined, // X-Powered-By, which is never sent here
    };
    helmetMiddleware({} as never, response as never, () => undefined);
    const setHeaders = validHeaders(...headers.keys());
    const values = [...headers.values()];
    return function securityHeaders(_request, response, next) {
        setHeaders(response, ...values);
        next();
    };
}

/** Whether a directive holds a function: of the request, or one that makes a nonce. */
function isMadePerRequest({ directives = {} }: Policy): boolean {
    return Object.values(directives).some((value) => [value].flat().some((part) => typeof part === 'function'));
}

/** A policy whose directives replace ours one by one; null removes one. With `useDefaults: false` it has its own only. */
function laidOver(policy: Policy, asksForHttps: boolean): Policy {
    const { useDefaults = true, directives = {} } = policy;
    const ours = {
        ...DIRECTIVES,
        // On plain http it would break pages: their files and forms would go to https.
        ...(asksForHttps ? { 'upgrade-insecure-requests': [] } : {}),
    };
    const given = Object.entries(directives).map(([name, value]) => [dashed(name), value]);
    return {
        ...policy,
        useDefaults: false,
        directives: { ...(useDefaults ? ours : {}), ...Object.fromEntries(given) },
    };
}

/** helmet takes both `scriptSrc` and `script-src`. */
function dashed(name: string): string {
    return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
