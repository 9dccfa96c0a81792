import { relative } from 'node:path';
import type { HttpConfig } from '../Http/HttpConfig.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import type { LoggingConfig } from '../Logging/LoggingConfig.js';
import { loggerOptions } from '../Logging/LoggingServiceProvider.js';
import { sqlitePathOf } from '../Session/Config/databaseUrl.js';
import type { SessionConfig } from '../Session/Config/SessionConfig.js';
import { settingsOf } from '../Session/Config/settingsOf.js';
import { cookieInWords } from '../Session/Record/CookieSettings.js';
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

function fact(label: string, value: unknown, text?: string): Fact {
    return text === undefined ? { label, value } : { label, value, text };
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

function application(app: ApplicationKernel, { application, entry }: Installed): FactGroup {
    const { name, namedBy, root, manifest } = app.environment;
    const code = /\.[cm]?tsx?$/.test(entry) ? 'source' : 'built';
    const byDefault = `no variable (the default of ${code === 'built' ? 'a build' : 'source'})`;
    return {
        name: 'Application',
        facts: [
            fact('Name', app.config.find<{ name: string }>('app')?.name ?? manifest.name),
            fact('Version', application),
            fact('Environment', name),
            fact('Named by', namedBy ?? null, namedBy ?? byDefault),
            fact('Code', code, `${code} (${entry})`),
            fact('Root', root),
        ],
    };
}

function versions({ packageOf }: Installed): FactGroup {
    return {
        name: 'Versions',
        facts: [
            fact('Sosise Skeleton', VERSION),
            fact('Node.js', process.versions.node),
            fact('Express', packageOf('express')),
            fact('express-session', packageOf('express-session')),
        ],
    };
}

function paths({ environment: { manifest, root } }: ApplicationKernel): FactGroup {
    const facts = Object.entries(manifest.paths).map(([name, path]) => fact(name, path, relative(root, path)));
    return { name: 'Paths', facts };
}

function http(app: ApplicationKernel): FactGroup | undefined {
    const options = app.config.find<HttpConfig>('http');
    if (!options) {
        return undefined;
    }
    const { port, host, trustProxy, csrf, trustedOrigins, cors, securityHeaders, bodyLimit, answerTimeoutMs } = options;
    return {
        name: 'HTTP',
        facts: [
            fact('Port', port, port === 0 ? 'any free one' : String(port)),
            fact('Host', host ?? null, host ?? 'every interface'),
            fact('Trust proxy', trustProxy, trusted(trustProxy)),
            fact('CSRF check', csrf !== false),
            fact('Trusted origins', trustedOrigins ?? []),
            fact('CORS', cors !== false, cors === false ? 'trusted origins only' : 'on'),
            fact('Security headers', securityHeaders !== false),
            fact('Body limit', bodyLimit),
            fact('Response timeout', answerTimeoutMs, answerTimeoutMs === 0 ? 'none' : durationOf(answerTimeoutMs)),
        ],
    };
}

function sessions(app: ApplicationKernel): FactGroup {
    const options = app.config.find<SessionConfig>('session');
    if (!options?.enabled) {
        return { name: 'Sessions', facts: [fact('Enabled', false, 'no: enable them in src/config/session.ts')] };
    }
    const settings = settingsOf(options, app.environment);
    const { cookie } = settings;
    const longest = longestLife(lifetimeOf(settings), settings.idleMs);
    const absoluteMs = Number.isFinite(longest) ? longest : null;
    return {
        name: 'Sessions',
        facts: [
            fact('Enabled', true, 'yes'),
            fact('Driver', options.driver, driverText(options)),
            fact('Fallback', options.fallback),
            fact('Encryption', settings.encrypts),
            fact('Concurrency', settings.concurrency),
            fact(
                'Cookie',
                settings.name,
                `${settings.name} (${cookieInWords({ ...cookie, originalMaxAge: cookie.maxAge })})`,
            ),
            fact('Idle end', settings.idleMs, `after ${durationOf(settings.idleMs)}`),
            fact('Absolute end', absoluteMs, absoluteMs === null ? 'none' : `after ${durationOf(absoluteMs)}`),
        ],
    };
}

function logging(app: ApplicationKernel): FactGroup | undefined {
    const options = app.config.find<LoggingConfig>('logging');
    if (!options) {
        return undefined;
    }
    const { level, console, files } = loggerOptions(options, app.environment);
    return {
        name: 'Logging',
        facts: [
            fact('Level', level),
            fact('Access log', options.access),
            fact('Console', console),
            fact('Files', files?.folder ?? false, files ? relative(app.environment.root, files.folder) || '.' : 'off'),
        ],
    };
}

function driverText({ driver, drivers }: SessionConfig): string {
    const kind = sqlitePathOf(drivers['database']?.['url']) === undefined ? 'PostgreSQL' : 'SQLite';
    return driver === 'database' ? `${driver} (${kind})` : driver;
}

/** What `src/config/http.ts` says of proxies, in words. */
function trusted(value: HttpConfig['trustProxy']): string {
    if (typeof value === 'boolean') {
        return value ? 'everybody' : 'nobody';
    }
    return typeof value === 'number' ? `${value} in front` : [value].flat().join(', ');
}
