import { isPlainObject } from './isPlainObject.js';
import { isStandardSchema } from './StandardSchema.js';
import { isSecretKey, isSecretName } from './secretNames.js';
import { isCount, kindOf } from './show.js';

/** What stands in the place of a secret. */
export const MASK = '****';

/** Plain data: what JSON can hold. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

/**
 * A configuration as data to print, with its secrets masked: values under names of secrets, and passwords and tokens
 * inside of texts such as addresses. Functions, dates and the like are named.
 * @param name The key that the value has.
 */
export function masked(value: unknown, name = '', isHidden = false): Plain {
    const hidden = isHidden || isSecretName(name);
    if (isStandardSchema(value)) {
        return `[a schema of ${value['~standard'].vendor}]`;
    }
    if (Array.isArray(value)) {
        return value.map((item) => masked(item, '', hidden));
    }
    if (isPlainObject(value)) {
        const entries = Object.entries(value).filter(([, part]) => part !== undefined);
        return Object.fromEntries(entries.map(([key, part]) => [key, masked(part, key, hidden)]));
    }
    if (value === null || value === undefined || typeof value === 'boolean' || value === '') {
        return value ?? null;
    }
    if ((hidden || isSecretKey(name)) && !isCount(name, value)) {
        return MASK;
    }
    return typeof value === 'number' ? value : textOf(value);
}

function textOf(value: unknown): string {
    if (typeof value === 'function') {
        return value.name ? `[Function ${value.name}]` : '[Function]';
    }
    if (value instanceof Date) {
        return Number.isNaN(value.getTime()) ? '[Invalid Date]' : value.toISOString();
    }
    if (value instanceof URL || value instanceof RegExp || typeof value !== 'object') {
        return withoutSecrets(String(value));
    }
    return `[${kindOf(value)}]`;
}

/** Credentials have a place of their own in addresses, in their query, and in headers. */
function withoutSecrets(text: string): string {
    return text
        .replace(/(:\/\/)(?:([^\s"'/:@]*):)?[^\s"']*@/g, (_, slashes: string, user?: string) =>
            user === undefined ? `${slashes}${MASK}@` : `${slashes}${user}:${MASK}@`,
        )
        .replace(/([?&;\s]|^)([\w.-]+)=([^&;\s]+)/g, (whole: string, before: string, name: string) =>
            isSecretName(name) || isSecretKey(name) ? `${before}${name}=${MASK}` : whole,
        )
        .replace(/\b(Bearer|Basic)\s+\S+/gi, `$1 ${MASK}`)
        .replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*/, MASK);
}
