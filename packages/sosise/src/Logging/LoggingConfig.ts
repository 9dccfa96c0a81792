import type { ConfigDefinition } from '../Config/ConfigRepository.js';
import type { ConfigInput } from '../Config/define.js';
import { anyOf, boolean, integer, object, oneOf, optional, type Rule, record, string } from '../Config/rules.js';
import { isPlainObject } from '../Support/isPlainObject.js';
import { isSlipOf } from '../Support/nearest.js';
import { accessChannel } from './formats.js';
import { type LogLevel, logLevels } from './levels.js';

/** The channel for who logs in and out, is revoked or refused: nothing is written to it until `channels` names it. */
export const auditChannel = 'audit';

export interface ChannelConfig {
    /** The channel's own level, above or below the logger's. Default: the logger's. */
    level?: LogLevel;
    /** A file of its own in the folder of the log files, such as `payments.log`. Default: `app.log`. */
    file?: string;
}

/** What `src/config/logging.ts` holds. */
export interface LoggingConfig {
    /** The least severe level that is written. Default: `debug` in development and tests, else `info`. */
    level?: LogLevel;
    /** One line per request, on the channel `access`. Default: true. */
    access: boolean;
    /**
     * Standard output: true writes readable lines in development and JSON elsewhere; or say which; false writes none.
     * Default: true, but false in tests as long as `level` is unset.
     */
    console?: boolean | 'readable' | 'json';
    files: {
        /** Default: true. */
        enabled: boolean;
        /** Absolute, or from the project's folder. Default: the path `logs` of sosise.json. */
        folder?: string;
        /** A file is rotated before it grows past this. In bytes; default: 10 MB. */
        maxSizeBytes: number;
        /** Files kept of each name, the current one included. Default: 5. */
        maxFiles: number;
    };
    /**
     * Named channels: `logger.info('paid', { order }, 'payments')`. Names that are not listed work too. `audit` turns the audit
     * log on: who logs in and out, whose sessions are revoked, and who is refused.
     */
    channels: Record<string, ChannelConfig>;
}

/** Completion for `src/config/logging.ts`. */
export function defineLoggingConfig(config: ConfigInput<LoggingConfig>): ConfigInput<LoggingConfig> {
    return config;
}

const channel = object({
    level: optional(oneOf(...logLevels)),
    file: optional(
        string({ pattern: /^[\w-][\w.-]*\.log$/, allowed: 'file names that end in .log, without a folder' }),
    ),
});

/** Any name may be one's own, but `audti` would leave the audit log off without a word. A file of that name says that it is meant. */
const channels: Rule = (value, at) => {
    record(channel)(value, at);
    const given = isPlainObject(value) ? value : {};
    for (const [name, settings] of Object.entries(given)) {
        const meant = [auditChannel, accessChannel].find((known) => !given[known] && isSlipOf(name, known));
        if (meant && !(isPlainObject(settings) && settings.file === `${name}.log`)) {
            const own = `if it is a channel of your own, give it file: '${name}.log'`;
            at.key(name).say(`is not a channel of the framework: did you mean ${at.key(meant).path}? (${own})`);
        }
    }
};

export const loggingConfig: ConfigDefinition<LoggingConfig> = {
    file: 'logging',
    defaults: {
        access: true,
        files: { enabled: true, maxSizeBytes: 10 * 1024 * 1024, maxFiles: 5 },
        channels: {},
    },
    rules: object({
        level: optional(oneOf(...logLevels)),
        access: boolean(),
        console: optional(anyOf(boolean(), oneOf('readable', 'json'))),
        files: object({
            enabled: boolean(),
            folder: optional(string({ minLength: 1 })),
            maxSizeBytes: integer({ min: 1_024, max: 1024 ** 4, unit: 'bytes' }),
            maxFiles: integer({ min: 1, max: 1_000 }),
        }),
        channels,
    }),
};
