import { isPlainObject } from './isPlainObject.js';
import { isSecretName } from './secretNames.js';

const LONGEST = 60;

/** Whether it is a number under a name that counts things: `keys: 1000` is no secret. */
export function isCount(name: string, value: unknown): value is number {
    return typeof value === 'number' && /(?:keys|tokens)$/i.test(name);
}

/** A value as messages print it: short, on one line, and without what may be secret. */
export function show(value: unknown, hidden = false): string {
    if (value === '' || value === null || typeof value === 'boolean') {
        return JSON.stringify(value);
    }
    if (hidden) {
        return `${kindOf(value)} (not shown)`;
    }
    if (typeof value === 'string' || Array.isArray(value) || isPlainObject(value)) {
        return shorten(withoutCredentials(toJson(value)));
    }
    return typeof value === 'object' || typeof value === 'function' ? kindOf(value) : shorten(String(value));
}

/** What sort of value this is, in words: `a function`, `an instance of Date`. */
export function kindOf(value: unknown): string {
    if (value === undefined || value === null) {
        return 'nothing';
    }
    if (Array.isArray(value)) {
        return 'a list';
    }
    if (typeof value === 'object') {
        const name: unknown = value.constructor?.name;
        return isPlainObject(value) || typeof name !== 'string' ? 'an object' : `an instance of ${name}`;
    }
    return `a ${typeof value}`;
}

function toJson(value: unknown): string {
    try {
        return JSON.stringify(value, (key, part: unknown) => {
            const plain =
                part === null || typeof part === 'string' || typeof part === 'number' || typeof part === 'boolean';
            if (isSecretName(key) && part !== '' && part !== null && !isCount(key, part)) {
                return '(not shown)';
            }
            return plain || Array.isArray(part) || isPlainObject(part) ? part : kindOf(part);
        });
    } catch {
        return kindOf(value); // a toJSON of theirs threw
    }
}

/** redis://user:password@host is a secret under a harmless name. */
function withoutCredentials(text: string): string {
    return text.replace(/(:\/\/)[^/\s"]*@/g, '$1…@');
}

function shorten(text: string): string {
    return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
