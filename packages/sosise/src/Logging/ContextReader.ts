import { isSecretKey, redacted } from '../Support/secretNames.js';
import { ErrorData } from './ErrorData.js';

const maxDepth = 6;
const maxKeys = 50;
const maxItems = 100;
const maxValues = 2_000;
const maxText = 8_192;
const maxTextOfAll = 65_536;
const maxKeyText = 128;

/**
 * Makes plain data of whatever a log call was given, for one log line: no secrets under the names secrets have, no
 * circles, no more than a line can carry, and never a throw. What can't be read shows as a note in brackets.
 */
export class ContextReader {
    private values = 0;
    private textLeft = maxTextOfAll;
    private readonly ancestors: object[] = [];

    public constructor(private readonly withStacks: boolean) {}

    public read(context: object): Record<string, unknown> | undefined {
        const plain = this.value(context);
        if (plain instanceof ErrorData) {
            return { error: plain };
        }
        if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) {
            return { context: plain };
        }
        return Object.keys(plain).length > 0 ? (plain as Record<string, unknown>) : undefined;
    }

    private value(value: unknown): unknown {
        this.values += 1;
        if (this.values > maxValues || this.textLeft <= 0) {
            return '[too much]';
        }
        switch (typeof value) {
            case 'string':
                return this.text(value);
            case 'number':
                return Number.isFinite(value) ? value : String(value);
            case 'bigint':
            case 'symbol':
                return this.text(String(value));
            case 'function':
                return '[function]';
            case 'object':
                return value === null ? null : this.object(value);
            default:
                return value;
        }
    }

    private text(text: string): string {
        const short = shorten(text, Math.min(maxText, this.textLeft));
        this.textLeft -= short.length;
        return short;
    }

    private object(value: object): unknown {
        if (this.ancestors.includes(value)) {
            return '[circular]';
        }
        if (this.ancestors.length >= maxDepth) {
            return '[too deep]';
        }
        this.ancestors.push(value);
        try {
            return this.parts(value);
        } catch {
            return '[unreadable]'; // a getter, a proxy or a toJSON that throws
        } finally {
            this.ancestors.pop();
        }
    }

    private parts(value: object): unknown {
        if (value instanceof Error || Object.prototype.toString.call(value) === '[object Error]') {
            return this.error(value as Error);
        }
        if (Array.isArray(value)) {
            return this.items(value);
        }
        if (value instanceof Date) {
            return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
        }
        const prototype: unknown = Object.getPrototypeOf(value);
        if (prototype !== Object.prototype && prototype !== null) {
            const opaque = describe(value);
            if (opaque) {
                return opaque;
            }
        }
        if ('toJSON' in value && typeof value.toJSON === 'function') {
            const json: unknown = value.toJSON();
            return json === value ? this.keys(value) : this.value(json);
        }
        return this.keys(value);
    }

    private keys(value: object): Record<string, unknown> {
        const plain: Record<string, unknown> = Object.create(null);
        let count = 0;
        for (const key of Object.keys(value)) {
            count += 1;
            if (count > maxKeys) {
                plain['…'] = '[more keys]';
                break;
            }
            plain[shorten(key, maxKeyText)] = isSecretKey(key) ? redacted : this.property(value, key);
        }
        return plain;
    }

    private property(value: object, key: string): unknown {
        try {
            return this.value((value as Record<string, unknown>)[key]);
        } catch {
            return '[unreadable]';
        }
    }

    private items(value: readonly unknown[]): unknown[] {
        const items: unknown[] = [];
        for (let index = 0; index < value.length && index < maxItems; index += 1) {
            items.push(this.value(value[index]) ?? null);
        }
        if (value.length > maxItems) {
            items.push(`[${value.length - maxItems} more]`);
        }
        return items;
    }

    /** The chain of causes ends where nesting does. */
    private error(error: Error): ErrorData {
        const data = new ErrorData();
        data.name = String(this.property(error, 'name') ?? 'Error');
        data.message = String(this.property(error, 'message') ?? '');
        const code = this.property(error, 'code');
        if (typeof code === 'string' || typeof code === 'number') {
            data.code = code;
        }
        const errorCode = this.property(error, 'errorCode');
        if (typeof errorCode === 'string') {
            data.errorCode = errorCode;
        }
        if (this.withStacks) {
            const stack = this.property(error, 'stack');
            data.stack = typeof stack === 'string' ? stack : undefined;
        }
        if ('cause' in error) {
            data.cause = this.property(error, 'cause');
        }
        if ('errors' in error && Array.isArray(error.errors)) {
            data.errors = this.items(error.errors.slice(0, 5));
        }
        return data;
    }
}

/** A note in place of an object whose parts are of no use in a log, or would tell too much: streams, requests, sessions. */
function describe(value: object): string | undefined {
    const name = shorten(String(value.constructor?.name || 'object'), maxKeyText);
    if (name === 'Session') {
        return redacted;
    }
    if (value instanceof Map || value instanceof Set) {
        return `[${name} of ${value.size}]`;
    }
    if (ArrayBuffer.isView(value)) {
        return `[${name} of ${value.byteLength} bytes]`;
    }
    const hasEvents = 'on' in value && typeof value.on === 'function';
    return hasEvents || value instanceof Promise ? `[${name}]` : undefined;
}

/** The text, or its beginning and its full length. */
export function shorten(text: string, limit: number): string {
    return text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length} characters)`;
}
