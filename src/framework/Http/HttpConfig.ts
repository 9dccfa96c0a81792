import type { CorsOptions } from 'cors';
import express from 'express';
import type { HelmetOptions } from 'helmet';
import type { ConfigDefinition } from '../Config/ConfigRepository.js';
import type { ConfigInput } from '../Config/define.js';
import type { Place } from '../Config/Place.js';
import { anyOf, boolean, custom, integer, object, oneOf, optional, type Rule, string } from '../Config/rules.js';
import type { RequestIdOptions } from './requestId.js';

/** What `src/config/http.ts` holds. All times are in milliseconds. */
export interface HttpConfig {
    /** 0 takes any free port. */
    port: number;
    /** The address to listen on; every interface when left out. */
    host?: string | undefined;
    /** Whose X-Forwarded-* headers are believed: Express's setting `trust proxy`. */
    trustProxy: boolean | number | string | readonly string[];
    /** The largest JSON or form body: bytes, or a text such as `1mb`. */
    bodyLimit: number | string;
    /** false, or the options of the package cors. */
    cors: false | CorsOptions;
    /** false, or the options of helmet. */
    securityHeaders: false | HelmetOptions;
    requestId: RequestIdOptions;
    /** How long a route may take to begin its answer; 0 for no limit. */
    answerTimeoutMs: number;
    /** How long a client may take to send its headers, and its whole request. */
    headersTimeoutMs: number;
    requestTimeoutMs: number;
    /** How long an idle connection is kept for the client's next request. */
    keepAliveTimeoutMs: number;
    /** How long the stopping server waits for requests in flight. */
    shutdownTimeoutMs: number;
}

/** Completion for `src/config/http.ts`. */
export function defineHttpConfig(config: ConfigInput<HttpConfig>): ConfigInput<HttpConfig> {
    return config;
}

export const httpConfig: ConfigDefinition<HttpConfig> = {
    file: 'http',
    defaults: (environment) => ({
        port: 10000,
        trustProxy: false,
        bodyLimit: '1mb',
        cors: false,
        // The policy that turns http into https would break pages that are developed on plain http.
        securityHeaders: environment.isProduction
            ? {}
            : { contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } },
        requestId: { trustInbound: false },
        answerTimeoutMs: 30_000,
        headersTimeoutMs: 66_000,
        requestTimeoutMs: 300_000,
        keepAliveTimeoutMs: 65_000,
        shutdownTimeoutMs: 10_000,
    }),
    rules: (value, at) => {
        shape(value, at);
        timeoutsFit(value as Partial<HttpConfig>, at);
    },
};

const shape = object({
    port: integer({ min: 0, max: 65_535 }),
    host: optional(string({ minLength: 1, allowed: 'addresses of this machine, such as "127.0.0.1"' })),
    trustProxy: custom(trustedProxies),
    bodyLimit: anyOf(
        integer({ min: 1, unit: 'bytes' }),
        string({ pattern: /^\d+(\.\d+)?(b|kb|mb|gb)$/i, allowed: 'texts such as "1mb"' }),
    ),
    cors: anyOf(oneOf(false), custom(corsOptions)),
    securityHeaders: anyOf(oneOf(false), object({}, { open: true })),
    requestId: object({ trustInbound: boolean() }),
    answerTimeoutMs: milliseconds(0),
    headersTimeoutMs: milliseconds(1),
    requestTimeoutMs: milliseconds(1),
    keepAliveTimeoutMs: milliseconds(1),
    shutdownTimeoutMs: milliseconds(0),
});

function milliseconds(min: number): Rule {
    return integer({ min, max: 2_147_483_647, unit: 'milliseconds' }); // what Node's timers can count
}

/** Express is the judge: it reads addresses, ranges and its own names for them. */
function trustedProxies(value: unknown, at: Place): void {
    const allowed = 'false, true, a number of proxies, addresses and ranges such as "loopback" or "10.0.0.0/8"';
    const fits = Array.isArray(value)
        ? value.every((item) => typeof item === 'string')
        : ['boolean', 'string'].includes(typeof value) || (Number.isInteger(value) && (value as number) >= 0);
    if (!fits) {
        at.problem(value, allowed);
        return;
    }
    try {
        express().set('trust proxy', value);
    } catch {
        at.problem(value, allowed);
    }
}

function corsOptions(value: unknown, at: Place): void {
    const any: Rule = () => {};
    object({
        origin: any,
        methods: any,
        allowedHeaders: any,
        exposedHeaders: any,
        credentials: optional(boolean()),
        maxAge: optional(integer({ min: 0, unit: 'seconds' })),
        preflightContinue: optional(boolean()),
        optionsSuccessStatus: optional(integer({ min: 200, max: 299 })),
    })(value, at);
    const { credentials, origin } = (value ?? {}) as CorsOptions;
    if (credentials === true && (origin === undefined || origin === true || origin === '*')) {
        at.key('origin').say(
            'would let every site act as your logged-in users, as credentials is true: list the origins, such as ["https://app.example.com"]',
        );
    }
}

function timeoutsFit({ headersTimeoutMs, keepAliveTimeoutMs, requestTimeoutMs }: Partial<HttpConfig>, at: Place): void {
    if (Number(headersTimeoutMs) <= Number(keepAliveTimeoutMs)) {
        at.key('headersTimeoutMs').say(
            `is ${headersTimeoutMs}, not above keepAliveTimeoutMs (${keepAliveTimeoutMs}): a kept connection could be cut while its next request arrives`,
        );
    }
    if (Number(requestTimeoutMs) < Number(headersTimeoutMs)) {
        at.key('requestTimeoutMs').say(
            `is ${requestTimeoutMs}, below headersTimeoutMs (${headersTimeoutMs}): the headers are part of the request`,
        );
    }
}
