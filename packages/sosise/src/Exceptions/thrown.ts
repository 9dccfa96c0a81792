import { inspect, types } from 'node:util';
import { Exception } from './Exception.js';

/** What a thrown value says about its own answer, whoever made it. */
export interface ErrorTraits {
    readonly status: number;
    readonly code: number;
    readonly expose: boolean;
    readonly data: unknown;
    readonly headers: Readonly<Record<string, string>>;
}

/** An answer that a route, or a package such as lusca, may have given a status before it passed an error on. */
type Answer = { readonly statusCode: number } | undefined;

/** Whatever was thrown, as an Error: a string, null or a plain object becomes the message and cause of one. */
export function toError(thrown: unknown, answer?: Answer): Error {
    if (isError(thrown)) {
        return thrown;
    }
    const { status, expose } = foreignTraits(thrown, answer);
    const message = stringProperty(thrown, 'message');
    return new Exception(message ?? `Thrown, but not an Error: ${describe(thrown)}`, {
        status,
        expose: message !== undefined && expose,
        cause: thrown,
    });
}

/**
 * Status, code and exposure of any error. The status of another package's counts where it is sane: 400 to 599. For one that
 * has none, that of the answer does, as in Express.
 */
export function traitsOf(error: Error, answer?: Answer): ErrorTraits {
    if (error instanceof Exception) {
        const { code, expose, data, headers } = error;
        return { status: saneStatus(error.status) ?? 500, code, expose, data, headers };
    }
    const { status, expose } = foreignTraits(error, answer);
    return { status, code: status, expose, data: null, headers: expose ? stringRecord(read(error, 'headers')) : {} };
}

/**
 * Clients of other services throw errors with the status, message and headers of an answer that was meant for us, keys
 * and addresses included: message and headers go out only where an error says so itself, as those of http-errors do.
 */
function foreignTraits(thrown: unknown, answer: Answer): { status: number; expose: boolean } {
    return {
        status:
            saneStatus(read(thrown, 'status')) ??
            saneStatus(read(thrown, 'statusCode')) ??
            saneStatus(read(thrown, 'httpCode')) ?? // formidable
            saneStatus(read(read(thrown, 'output'), 'statusCode')) ?? // Boom
            statusOfUpload(thrown) ??
            saneStatus(answer?.statusCode) ??
            500,
        expose: read(thrown, 'expose') === true,
    };
}

const TOO_MUCH = /^LIMIT_(?:PART_COUNT|FILE_SIZE|FILE_COUNT|FIELD_KEY|FIELD_VALUE|FIELD_COUNT)$/;
/** The place in a stack where a plain error was made. */
const BY_PARSER = /^Error: .*\n +at .*[\\/]node_modules[\\/](?:busboy|multer)[\\/]/;

/** multer says by a code what is wrong with a body, and the parser below it only by a message. */
function statusOfUpload(thrown: unknown): number | undefined {
    const code = String(read(thrown, 'code'));
    if (read(thrown, 'name') === 'MulterError' && code !== 'STREAM_DESTROYED') {
        return TOO_MUCH.test(code) ? 413 : 400;
    }
    return BY_PARSER.test(String(read(thrown, 'stack'))) ? 400 : undefined;
}

function isError(thrown: unknown): thrown is Error {
    try {
        return thrown instanceof Error || types.isNativeError(thrown);
    } catch {
        return false; // a proxy may throw even here
    }
}

function saneStatus(value: unknown): number | undefined {
    return Number.isInteger(value) && (value as number) >= 400 && (value as number) < 600
        ? (value as number)
        : undefined;
}

/** A property of something unknown: getters and proxies may throw, and must not do so here. */
function read(target: unknown, key: string): unknown {
    try {
        return (target as Record<string, unknown> | null | undefined)?.[key];
    } catch {
        return undefined;
    }
}

function stringProperty(target: unknown, key: string): string | undefined {
    const value = typeof target === 'object' ? read(target, key) : undefined;
    return typeof value === 'string' && value !== '' ? value : undefined;
}

function stringRecord(value: unknown): Record<string, string> {
    try {
        const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
        return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
    } catch {
        return {};
    }
}

/** A value that is no error, in short: of an object its keys only, as its values may be secrets. Never throws. */
export function describe(thrown: unknown): string {
    if (typeof thrown === 'string') {
        return thrown.slice(0, 200);
    }
    if (typeof thrown !== 'object' || thrown === null) {
        return inspect(thrown).slice(0, 200);
    }
    try {
        return `an object with the keys ${Object.keys(thrown).slice(0, 10).join(', ') || '(none)'}`;
    } catch {
        return 'an object';
    }
}
