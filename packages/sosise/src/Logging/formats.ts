import winston from 'winston';
import { clock } from './clock.js';
import { ErrorData } from './ErrorData.js';
import { escapeJson, escapeText } from './escape.js';
import type { LogLevel } from './levels.js';

/** What winston carries from the logger to the formats. */
export interface LogEntry {
    level: LogLevel;
    message: string;
    /** ISO 8601, UTC. */
    timestamp: string;
    channel?: string;
    /** Plain data, as ContextReader makes it. */
    context?: Record<string, unknown>;
}

/** Where winston keeps the finished line; `triple-beam` gives the same symbol. */
export const lineOf: unique symbol = Symbol.for('message') as never;

const reset = '\x1b[0m';
export const dim = '\x1b[2m';
const colours: Readonly<Record<LogLevel, string>> = {
    debug: '\x1b[36m',
    info: '\x1b[32m',
    warning: '\x1b[33m',
    error: '\x1b[31m',
    critical: '\x1b[1;37;41m',
};

/** The channel of the access log: its message already says what the context holds. */
export const accessChannel = 'access';

type Painter = (colour: string, text: string) => string;

const inColours: Painter = (colour, text) => `${colour}${text}${reset}`;
const withoutColours: Painter = (_colour, text) => text;

export function painter(colours: boolean | undefined): Painter {
    return colours ? inColours : withoutColours;
}

/** One JSON object a line: `{"timestamp","level","channel","message","context"}`. */
export const jsonFormat = winston.format((info) => {
    const { timestamp, level, channel, message, context } = info as unknown as LogEntry;
    info[lineOf] = escapeJson(JSON.stringify({ timestamp, level, channel, message, context }));
    return info;
});

/** `12:34:56.789 warning [channel] message key=value`, then errors, indented. For people. */
export const readableFormat = winston.format((info, options) => {
    const entry = info as unknown as LogEntry;
    const paint = painter((options as { colours?: boolean }).colours);
    const parts = [head(entry, paint), escapeText(entry.message)];
    const errors: string[] = [];
    for (const [key, value] of Object.entries(contextToShow(entry))) {
        if (value instanceof ErrorData) {
            errors.push(...errorLines(value, key === 'error' ? '' : `${escapeText(key)}: `));
        } else if (value !== undefined) {
            parts.push(paint(dim, `${escapeText(key)}=${readableValue(value)}`));
        }
    }
    info[lineOf] = [parts.join(' '), ...errors].join('\n');
    return info;
});

/** What stands before the message. */
export function head({ timestamp, level, channel }: Omit<LogEntry, 'message'>, paint: Painter): string {
    const name = channel === undefined ? '' : ` ${paint(dim, `[${escapeText(channel)}]`)}`;
    return `${paint(dim, clock(timestamp))} ${paint(colours[level], level)}${' '.repeat(8 - level.length)}${name}`;
}

function contextToShow({ channel, context }: LogEntry): Record<string, unknown> {
    if (!context || channel !== accessChannel) {
        return context ?? {};
    }
    return { requestId: context['requestId'] };
}

function readableValue(value: unknown): string {
    if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) {
        return escapeText(value);
    }
    return escapeJson(JSON.stringify(value) ?? 'undefined');
}

function errorLines(error: ErrorData, prefix: string): string[] {
    const { errorCode = error.code } = error;
    const code = errorCode === undefined ? '' : ` [${escapeText(String(errorCode))}]`;
    const lines = [`    ${prefix}${escapeText(error.name)}${code}: ${escapeText(error.message)}`];
    for (const frame of error.stack?.split('\n') ?? []) {
        if (/^\s+at /.test(frame)) {
            lines.push(`        ${escapeText(frame.trim())}`);
        }
    }
    for (const part of error.errors ?? []) {
        lines.push(...causeLines(part, 'one of: '));
    }
    return error.cause === undefined ? lines : [...lines, ...causeLines(error.cause, 'caused by: ')];
}

function causeLines(cause: unknown, prefix: string): string[] {
    return cause instanceof ErrorData ? errorLines(cause, prefix) : [`    ${prefix}${readableValue(cause)}`];
}
