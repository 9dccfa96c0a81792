import type { AddressInfo } from 'node:net';
import { relative } from 'node:path';
import { appConfig } from '../Config/AppConfig.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import type { LoggingConfig } from '../Logging/LoggingConfig.js';
import { loggerOptions } from '../Logging/LoggingServiceProvider.js';
import { DevelopmentPages } from './DevelopmentPages.js';
import type { HttpConfig } from './HttpConfig.js';
import { letsPlainHttpIn } from './letsPlainHttpIn.js';
import { TRUST_THE_PROXY } from './trustTheProxy.js';

/** What the banner reads of the session's configuration. */
interface SessionSettings {
    enabled?: boolean;
    driver?: string;
    fallback?: readonly string[];
    cookie?: { secure?: boolean | 'auto' };
    proxy?: boolean;
}

/** The few lines that a started server prints. */
export function banner(app: ApplicationKernel, address: AddressInfo): string {
    const { name } = app.config.get<{ name: string }>(appConfig.file);
    const session = app.config.find<SessionSettings>('session');
    const origin = address.port === 0 ? address.address : `http://${hostOf(address)}:${address.port}`;
    const inspector = session?.enabled && address.port !== 0 && inspectorAt(app, origin);
    const lines = [
        `${name} is running`,
        `  Address      ${origin}`,
        `  Environment  ${app.environment.name}`,
        `  Sessions     ${sessionsOf(session)}`,
        ...(inspector ? [`  Inspector    ${inspector}`] : []),
        `  Logs         ${logsOf(app)}`,
    ];
    if (letsPlainHttpIn(app)) {
        lines.push(
            '  Warning      Plain http is let in, for session cookies too (SESSION_SECURE=false, or cookie.secure): for a trial only.',
        );
    }
    if (storesNothing(app)) {
        lines.push(
            '  Warning      No session can be stored yet: its cookie needs https, this server speaks http, and no proxy is trusted. ' +
                `${TRUST_THE_PROXY}; for a trial on plain http, SESSION_SECURE=false.`,
        );
    }
    lines.push(...app.environment.notices.map((notice) => `  Note         ${notice}`));
    return `${lines.join('\n')}\n`;
}

/** Whether each change of a session will be a 503: a secure cookie, and nobody who is believed that a request came over https. */
function storesNothing(app: ApplicationKernel): boolean {
    const session = app.config.find<SessionSettings>('session');
    const isHttpsOnly = session?.enabled === true && session.cookie?.secure === true;
    return isHttpsOnly && session.proxy !== true && !app.config.find<Partial<HttpConfig>>('http')?.trustProxy;
}

function inspectorAt({ container }: ApplicationKernel, origin: string): string | undefined {
    return container.find(DevelopmentPages)?.addressAt(origin);
}

function hostOf({ address, family }: AddressInfo): string {
    if (address === '::' || address === '0.0.0.0') {
        return 'localhost';
    }
    return family === 'IPv6' ? `[${address}]` : address;
}

function sessionsOf(session: SessionSettings | undefined): string {
    if (!session?.enabled) {
        return 'off: enable them in src/config/session.ts';
    }
    const { driver, fallback = [] } = session;
    return `on, driver ${driver}${fallback.length > 0 ? `, and ${fallback.join(', ')} for what has not moved` : ''}`;
}

function logsOf(app: ApplicationKernel): string {
    const config = app.config.find<LoggingConfig>('logging');
    const { files, console } = config ? loggerOptions(config, app.environment) : {};
    const folder = files && (relative(app.environment.root, files.folder) || '.');
    const places = [console && 'this terminal', folder?.startsWith('..') ? files?.folder : folder];
    return places.filter(Boolean).join(' and ') || 'off';
}
