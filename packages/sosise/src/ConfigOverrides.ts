import type { AppConfig } from './Config/AppConfig.js';
import type { ConfigInput } from './Config/define.js';
import type { HttpConfig } from './Http/HttpConfig.js';
import type { LoggingConfig } from './Logging/LoggingConfig.js';
import type { SessionConfig } from './Session/Config/SessionConfig.js';

/** What is laid over the config files, by file name and key: `{ session: { enabled: true } }`. */
export interface ConfigOverrides {
    readonly app?: ConfigInput<AppConfig>;
    readonly http?: ConfigInput<HttpConfig>;
    readonly logging?: ConfigInput<LoggingConfig>;
    readonly session?: ConfigInput<SessionConfig>;
    /** Your own files. */
    readonly [file: string]: unknown;
}
