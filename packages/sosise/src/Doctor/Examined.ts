import type { Environment } from '../Config/Environment.js';
import type { HttpConfig } from '../Http/HttpConfig.js';
import type { SessionConfig, SessionSettings } from '../Session/Config/SessionConfig.js';
import type { SessionManager } from '../Session/Opening/SessionManager.js';

/** What the doctor looks at. */
export interface Examined {
    readonly config: SessionConfig;
    readonly settings: SessionSettings;
    readonly environment: Environment;
    readonly http: HttpConfig;
    /** The variables as they were set before `.env` was read. */
    readonly outside: Readonly<Record<string, string | undefined>>;
    readonly manager: SessionManager;
    /** Why the application does not start even without sessions. */
    readonly trouble?: Error | undefined;
}

/** Where a weak setting harms nobody but a developer. */
export function isLenient({ isDevelopment, name }: Environment): boolean {
    return isDevelopment || name === 'test';
}
