import { isAbsolute, resolve } from 'node:path';
import type { Request } from 'express';
import type { Environment } from '../../Config/Environment.js';
import { randomSecret, secretsIn } from '../../Config/secrets.js';
import { ConfigError } from '../../Exceptions/errors.js';
import { randomId } from '../../Support/randomId.js';
import { sqlitePathOf } from './databaseUrl.js';
import type { SessionConfig, SessionCookieConfig, SessionSettings } from './SessionConfig.js';

const DEFAULT_IDLE_MS = 2 * 3_600_000;

/**
 * Browsers take a `__Host-` cookie from this host and over https only, so that no neighbouring host can plant one; with a
 * domain or a path, `__Secure-` is what they accept.
 */
export function cookieName(
    { name, cookie }: { name?: string | undefined; cookie: SessionCookieConfig },
    environment: Environment,
): string {
    const { secure, domain, path = '/' } = cookie;
    const byManifest = environment.manifest.name.replace(/-skeleton$/, '').replace(/[^\w-]+/g, '-');
    if (name !== undefined || secure !== true) {
        return name ?? byManifest;
    }
    return `${domain === undefined && path === '/' ? '__Host-' : '__Secure-'}${byManifest}`;
}

export function settingsOf(config: SessionConfig, environment: Environment): SessionSettings {
    const secrets = secretsIn(config.secret);
    return {
        ...config,
        name: cookieName(config, environment),
        // Production has refused to start without one by now; a test needs none to outlive it.
        secrets: secrets.length > 0 ? secrets : [randomSecret()],
        genid: config.genid ? checkedGenid(config.genid) : randomId,
        idleMs: config.idle ?? config.cookie.maxAge ?? ttlOf(config) ?? DEFAULT_IDLE_MS,
        absoluteMs: config.absolute,
        encrypts: config.encrypt ?? (config.driver === 'file' && config.drivers.file?.secret !== undefined),
        pruneIntervalMs: pruneIntervalOf(config),
    };
}

function checkedGenid(genid: (request: Request) => string): (request: Request) => string {
    return (request) => {
        const id: unknown = genid(request);
        if (typeof id !== 'string' || id === '') {
            throw new ConfigError('genid in src/config/session.ts has to return an id: a string that is not empty.');
        }
        return id;
    };
}

/** A driver's own `ttl`: memorystore counts in ms, session-file-store, connect-redis and most others in seconds. */
function ttlOf({ driver, drivers }: SessionConfig): number | undefined {
    const ttl = drivers[driver]?.ttl;
    if (typeof ttl !== 'number' || ttl <= 0) {
        return undefined;
    }
    return driver === 'memory' ? ttl : ttl * 1000;
}

function pruneIntervalOf({ driver, drivers, pruneIntervalMs }: SessionConfig): number {
    const seconds = driver === 'file' ? drivers.file?.reapInterval : undefined;
    return typeof seconds === 'number' ? Math.max(0, seconds * 1000) : pruneIntervalMs;
}

/** The named driver's options; a relative folder is taken from the application's root, never from where it was started. */
export function driverOptions(name: string, config: SessionConfig, environment: Environment): Record<string, unknown> {
    const options = { ...config.drivers[name] };
    if (name === 'file') {
        const path = typeof options.path === 'string' ? options.path : environment.manifest.paths.sessions;
        options.path = isAbsolute(path) ? path : resolve(environment.root, path);
    }
    const file = name === 'database' ? sqlitePathOf(options.url) : undefined;
    if (file !== undefined) {
        options.url = isAbsolute(file) ? file : resolve(environment.root, file);
    }
    return options;
}
