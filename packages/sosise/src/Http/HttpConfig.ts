import type { CorsOptions } from 'cors';
import express from 'express';
import type { HelmetOptions } from 'helmet';
import type { ConfigDefinition } from '../Config/ConfigRepository.js';
import type { ConfigInput } from '../Config/define.js';
import { SOCKET_PATH } from '../Config/env.js';
import { intendedOrigin } from '../Config/intendedOrigin.js';
import type { Place } from '../Config/Place.js';
import {
    anyOf,
    arrayOf,
    boolean,
    integer,
    number,
    object,
    oneOf,
    optional,
    type Rule,
    string,
} from '../Config/rules.js';
import { weaknessOf } from '../Config/secrets.js';
import { LONGEST_TIMER_MS } from '../Support/timers.js';
import type { BodyLimits } from './jsonProblem.js';
import { bytesOf } from './parsers.js';
import type { RequestIdOptions } from './requestId.js';
import { type ViewsConfig, viewsRule } from './viewsConfig.js';

/** What `src/config/http.ts` holds. All times are in milliseconds. */
export interface HttpConfig {
    /** A number (0 takes any free port), or the path of a socket or pipe. */
    port: number | string;
    /** The address to listen on; every interface when left out. */
    host?: string | undefined;
    /** Whose X-Forwarded-* headers are believed: Express's setting `trust proxy`. */
    trustProxy: boolean | number | string | readonly string[];
    /** The largest JSON or form body: bytes, or a text such as `1mb`. */
    bodyLimit: number | string;
    bodyLimits: BodyLimits;
    /**
     * Origins of other front ends, such as `http://localhost:5173`, whose pages may act for a logged-in visitor: they
     * pass the check for request forgery and, while `cors` is false, read answers that depend on the visitor's cookie.
     */
    trustedOrigins: readonly string[];
    /** false, or how requests that another site sends in a visitor's name are told apart. */
    csrf: false | CsrfOptions;
    /** false, or the options of the package cors; false answers `trustedOrigins` and nobody else. */
    cors: false | CorsOptions;
    /** false, or the options of helmet, laid over the framework's (securityHeaders.ts). */
    securityHeaders: false | HelmetOptions;
    requestId: RequestIdOptions;
    /** false, or the engine and the folder of the templates that `response.render()` makes pages of. */
    views: false | ViewsConfig;
    /** Whether the field `_method` of a posted form makes the request a PUT, PATCH or DELETE. */
    methodOverride: boolean;
    /** Answers Prometheus: `true` on this machine at `/metrics`, or where, and for whom. */
    metrics: boolean | MetricsOptions;
    /** Gives figures and spans to the application's OpenTelemetry. */
    openTelemetry: boolean;
    /** How long a route may take to begin its answer; 0 for no limit. */
    answerTimeoutMs: number;
    /** How long a client may take to send its headers, and its whole request. */
    headersTimeoutMs: number;
    requestTimeoutMs: number;
    /** How long an idle connection is kept for the client's next request. */
    keepAliveTimeoutMs: number;
    /** How long a server that is told to stop goes on accepting requests, while /ready says that it stops. */
    stopDelayMs: number;
    /** How long the stopping server waits for requests in flight. */
    shutdownTimeoutMs: number;
}

/** How requests that another site sends in a visitor's name are told apart. */
export interface CsrfOptions {
    /** Paths that are not checked, such as `/webhooks/stripe`, or `/webhooks/*` for all below one. */
    exempt: readonly string[];
    /** Whether a token is asked for where the browser does not say where a request comes from. */
    tokens: boolean;
}

/** Who may read the figures of `GET /metrics`. */
export interface MetricsOptions {
    /** Default: `/metrics`. */
    path?: string | undefined;
    /** What `Authorization: Bearer …` has to say, from wherever it comes. Unset: only this machine is answered. */
    token?: string | undefined;
}

/** Completion for `src/config/http.ts`. */
export function defineHttpConfig(config: ConfigInput<HttpConfig>): ConfigInput<HttpConfig> {
    return config;
}

export const httpConfig: ConfigDefinition<HttpConfig> = {
    file: 'http',
    defaults: {
        port: 10000,
        trustProxy: false,
        bodyLimit: '1mb',
        // Real documents are a dozen levels deep. 1,000 rows of ten columns fit, and are parsed in a few milliseconds.
        bodyLimits: { depth: 32, keys: 10_000 },
        trustedOrigins: [],
        csrf: { exempt: [], tokens: false },
        cors: false,
        securityHeaders: {},
        requestId: { trustInbound: false },
        views: false,
        methodOverride: false,
        metrics: false,
        openTelemetry: false,
        answerTimeoutMs: 30_000,
        headersTimeoutMs: 66_000,
        requestTimeoutMs: 300_000,
        keepAliveTimeoutMs: 65_000,
        stopDelayMs: 0,
        shutdownTimeoutMs: 10_000,
    },
    rules: (value, at) => {
        shape(value, at);
        timeoutsFit(value as Partial<HttpConfig>, at);
    },
};

const DAY_MS = 86_400_000;
/** Of a longer one, the system would take the beginning. */
const LONGEST_SOCKET_PATH = process.platform === 'linux' ? 107 : 103;
/** A longer text than this Node.js can't hold. */
const LARGEST_BODY = 511 * 1024 * 1024;

/** helmet's one time; far above it, the header would have an exponent, which browsers do not read. */
const maxAge = optional(number({ min: 0, max: 100 * 31_536_000, unit: 'seconds' }));
const hsts = optional(anyOf(boolean(), object({ maxAge }, { open: true })));

const shape = object({
    port: portOrPath,
    host: optional(string({ minLength: 1, allowed: 'addresses of this machine, such as "127.0.0.1"' })),
    trustProxy: trustedProxies,
    bodyLimit: anyOf(integer({ min: 1, max: LARGEST_BODY, unit: 'bytes' }), bodySize),
    bodyLimits: object({ depth: integer({ min: 1, max: 1_000 }), keys: integer({ min: 1, max: 10_000_000 }) }),
    trustedOrigins: arrayOf(origin),
    csrf: anyOf(oneOf(false), object({ exempt: arrayOf(exemptPath), tokens: boolean() })),
    cors: anyOf(oneOf(false), corsOptions),
    securityHeaders: anyOf(oneOf(false), object({ strictTransportSecurity: hsts, hsts }, { open: true })),
    requestId: object({ trustInbound: boolean() }),
    views: viewsRule,
    methodOverride: boolean(),
    metrics: anyOf(boolean(), object({ path: optional(exactPath), token: optional(token) })),
    openTelemetry: boolean(),
    answerTimeoutMs: milliseconds(0),
    headersTimeoutMs: milliseconds(1),
    requestTimeoutMs: milliseconds(1),
    keepAliveTimeoutMs: milliseconds(1, LONGEST_TIMER_MS - 1_000), // Node.js adds a second
    stopDelayMs: milliseconds(0, DAY_MS),
    shutdownTimeoutMs: milliseconds(0, DAY_MS),
});

function portOrPath(value: unknown, at: Place): void {
    const isText = typeof value === 'string' && !/^\s*\d+\s*$/.test(value);
    if (!isText) {
        integer({ min: 0, max: 65_535 })(value, at);
    } else if (!SOCKET_PATH.test(value)) {
        at.problem(value, 'integers from 0 to 65535, paths of sockets such as "/run/shop.sock"');
    } else if (value.startsWith('/') && Buffer.byteLength(value) > LONGEST_SOCKET_PATH) {
        at.say(`is a path of ${Buffer.byteLength(value)} bytes, and sockets have ${LONGEST_SOCKET_PATH} at most.`);
    }
}

function milliseconds(min: number, max = LONGEST_TIMER_MS): Rule {
    return integer({ min, max, unit: 'milliseconds' });
}

function bodySize(value: unknown, at: Place): void {
    const isSize = typeof value === 'string' && /^\d+(\.\d+)?(b|kb|mb|gb)$/i.test(value);
    if (!isSize || bytesOf(value) > LARGEST_BODY) {
        at.problem(value, 'texts such as "1mb", up to "511mb"');
    }
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

/** An origin exactly as browsers send it, so that comparing texts is enough. */
function origin(value: unknown, at: Place): void {
    const meant = typeof value === 'string' ? intendedOrigin(value) : undefined;
    if (meant === undefined || meant !== value) {
        at.problem(value, 'origins such as "https://app.example.com"', meant && `write "${meant}"`);
    }
}

/** A whole path, or all paths below one. */
const EXEMPT = /^\/[^*?#\s]*$|^(\/[^*?#\s]+)?\/\*$/;

function exemptPath(value: unknown, at: Place): void {
    if (typeof value !== 'string' || !EXEMPT.test(value)) {
        const rooted = typeof value === 'string' && !value.startsWith('/') && EXEMPT.test(`/${value}`);
        at.problem(
            value,
            'paths such as "/webhooks/stripe" and "/webhooks/*"',
            rooted ? `write "/${value}"` : undefined,
        );
    }
}

function exactPath(value: unknown, at: Place): void {
    if (typeof value !== 'string' || !/^\/[\w./~-]+$/.test(value)) {
        at.problem(value, 'paths such as "/metrics"');
    } else if (value === '/up' || value === '/ready') {
        at.problem(value, 'paths such as "/metrics"', 'GET /up and GET /ready say whether the application works');
    }
}

/** As strong as a session secret: whoever guesses it reads the figures. */
function token(value: unknown, at: Place): void {
    const weakness = typeof value === 'string' ? weaknessOf(value) : 'is no text';
    if (weakness) {
        at.say(`${weakness}: use the output of: openssl rand -base64 32`);
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
        maxAge: optional(integer({ min: 0, max: 31_536_000, unit: 'seconds' })),
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
