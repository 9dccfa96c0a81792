import { relative } from 'node:path';
import type { ConfigRepository } from '../Config/ConfigRepository.js';
import type { HttpConfig } from '../Http/HttpConfig.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import type { LoggingConfig } from '../Logging/LoggingConfig.js';
import { loggerOptions } from '../Logging/LoggingServiceProvider.js';
import type { SessionConfig, SessionCookieConfig } from '../Session/Config/SessionConfig.js';
import { settingsOf } from '../Session/Config/settingsOf.js';
import { lifetimeOf, longestLife } from '../Session/Record/SessionLifetime.js';
import { VERSION } from '../Support/version.js';
import { durationOf } from '../Support/words.js';

/** One line. `value` is what JSON gets, `text` what people read where that is something else. Times are in ms. */
export interface Fact {
    readonly label: string;
    readonly value: unknown;
    readonly text?: string;
}

export interface FactGroup {
    readonly name: string;
    readonly facts: readonly Fact[];
}

export interface Installed {
    /** The application's own version. */
    readonly application: string | null;
    /** The version of a package; null where it is not installed. */
    packageOf(name: string): string | null;
    /** The file that was run, from the root: `src/artisan.ts`. */
    readonly entry: string;
}

/** What there is to know of an application whose config is read. */
export function about(app: ApplicationKernel, installed: Installed): FactGroup[] {
    const groups = [
        application(app, installed),
        versions(installed),
        paths(app),
        http(app),
        sessions(app),
        logging(app),
    ];
    return groups.filter((group) => group !== undefined);
}

function application({ config, environment }: ApplicationKernel, { application, entry }: Installed): FactGroup {
    const { name, namedBy, root } = environment;
    const isBuilt = !/\.[cm]?tsx?$/.test(entry);
    return {
        name: 'Application',
        facts: [
            { label: 'Name', value: optional<{ name: string }>(config, 'app')?.name ?? environment.manifest.name },
            { label: 'Version', value: application },
            { label: 'Environment', value: name },
            {
                label: 'Named by',
                value: namedBy ?? null,
                text: namedBy ?? `no variable (the default of ${isBuilt ? 'a build' : 'source'})`,
            },
            { label: 'Code', value: isBuilt ? 'built' : 'source', text: `${isBuilt ? 'built' : 'source'} (${entry})` },
            { label: 'Root', value: root },
        ],
    };
}

function versions({ packageOf }: Installed): FactGroup {
    return {
        name: 'Versions',
        facts: [
            { label: 'Sosise Skeleton', value: VERSION },
            { label: 'Node.js', value: process.versions.node },
            { label: 'Express', value: packageOf('express') },
            { label: 'express-session', value: packageOf('express-session') },
        ],
    };
}

function paths({ environment: { manifest, root } }: ApplicationKernel): FactGroup {
    return {
        name: 'Paths',
        facts: Object.entries(manifest.paths).map(([name, path]) => ({
            label: name,
            value: path,
            text: relative(root, path),
        })),
    };
}

function http({ config }: ApplicationKernel): FactGroup | undefined {
    const options = optional<HttpConfig>(config, 'http');
    return (
        options && {
            name: 'HTTP',
            facts: [
                {
                    label: 'Port',
                    value: options.port,
                    text: options.port === 0 ? 'any free one' : String(options.port),
                },
                { label: 'Host', value: options.host ?? null, text: options.host ?? 'every interface' },
                { label: 'Trust proxy', value: options.trustProxy, text: trusted(options.trustProxy) },
                { label: 'CSRF check', value: options.csrf !== false },
                { label: 'Trusted origins', value: options.trustedOrigins ?? [] },
                {
                    label: 'CORS',
                    value: options.cors !== false,
                    text: options.cors === false ? 'trusted origins only' : 'on',
                },
                { label: 'Security headers', value: options.securityHeaders !== false },
                { label: 'Body limit', value: options.bodyLimit },
                {
                    label: 'Answer timeout',
                    value: options.answerTimeoutMs,
                    text: options.answerTimeoutMs === 0 ? 'none' : durationOf(options.answerTimeoutMs),
                },
            ],
        }
    );
}

function sessions({ config, environment }: ApplicationKernel): FactGroup | undefined {
    const options = optional<SessionConfig>(config, 'session');
    if (!options?.enabled) {
        const facts = [{ label: 'Enabled', value: false, text: 'no: enable them in src/config/session.ts' }];
        return { name: 'Sessions', facts };
    }
    const settings = settingsOf(options, environment);
    const absoluteMs = longestLife(lifetimeOf(settings), settings.idleMs);
    return {
        name: 'Sessions',
        facts: [
            { label: 'Enabled', value: true, text: 'yes' },
            { label: 'Driver', value: options.driver },
            { label: 'Fallback', value: options.fallback },
            { label: 'Encryption', value: settings.encrypts },
            { label: 'Concurrency', value: settings.concurrency },
            { label: 'Cookie', value: settings.name, text: `${settings.name} (${cookieText(settings.cookie)})` },
            { label: 'Idle end', value: settings.idleMs, text: `after ${durationOf(settings.idleMs)}` },
            {
                label: 'Absolute end',
                value: Number.isFinite(absoluteMs) ? absoluteMs : null,
                text: Number.isFinite(absoluteMs) ? `after ${durationOf(absoluteMs)}` : 'none',
            },
        ],
    };
}

function logging({ config, environment }: ApplicationKernel): FactGroup | undefined {
    const options = optional<LoggingConfig>(config, 'logging');
    if (!options) {
        return undefined;
    }
    const { level, console, files } = loggerOptions(options, environment);
    return {
        name: 'Logging',
        facts: [
            { label: 'Level', value: level },
            { label: 'Access log', value: options.access },
            { label: 'Console', value: console },
            {
                label: 'Files',
                value: files?.folder ?? false,
                text: files ? relative(environment.root, files.folder) || '.' : 'off',
            },
        ],
    };
}

/** What `src/config/http.ts` says of proxies, in words. */
function trusted(value: HttpConfig['trustProxy']): string {
    if (typeof value === 'boolean') {
        return value ? 'everybody' : 'nobody';
    }
    return typeof value === 'number' ? `${value} in front` : [value].flat().join(', ');
}

function cookieText({ secure, sameSite, httpOnly, maxAge }: SessionCookieConfig): string {
    const parts = [
        secure === 'auto' ? 'Secure over https' : secure && 'Secure',
        httpOnly !== false && 'HttpOnly',
        typeof sameSite === 'string' ? `SameSite=${sameSite}` : sameSite && 'SameSite=strict',
        typeof maxAge === 'number' ? `for ${durationOf(maxAge)}` : 'until the browser closes',
    ];
    return parts.filter(Boolean).join(', ');
}

/** A part of the framework that the application left out has no configuration. */
function optional<T>(config: ConfigRepository, file: string): T | undefined {
    return config.names().includes(file) ? config.get<T>(file) : undefined;
}
