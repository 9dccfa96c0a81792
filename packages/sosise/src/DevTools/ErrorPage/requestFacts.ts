import type { Request } from 'express';
import { sessionOf } from '../../Session/Request/requestSessions.js';
import { isSecretKey, redacted } from '../../Support/secretNames.js';
import { counted } from '../../Support/words.js';
import { hideSecrets } from './hideSecrets.js';

/** A group of what is known of a request: names with what may be shown of their values, or a sentence. */
export interface FactGroup {
    readonly title: string;
    readonly facts: readonly (readonly [name: string, value: string])[];
    /** Said where there are no facts. */
    readonly otherwise: string;
    /** Whether it is rarely what one looks for. */
    readonly folded?: boolean;
}

const MOST_KEYS = 50;
/** Addresses, whose queries may hold anything. */
const ADDRESSES = /^(?:referer|origin|location)$/i;

/** What the page shows of a request. Reads only what is there: a session that the route left alone stays so. */
export function factsOf(request: Request): FactGroup[] {
    return [sessionFacts(request), queryOf(request), bodyOf(request), headersOf(request)];
}

function headersOf({ headers }: Request): FactGroup {
    const facts = Object.entries(headers).map(([name, value = '']): [string, string] => [
        name,
        isSecretKey(name)
            ? redacted
            : shortened(hideSecrets(ADDRESSES.test(name) ? pathOnly(String(value)) : String(value))),
    ]);
    return { title: 'Headers', facts, otherwise: 'None.', folded: true };
}

function queryOf({ query }: Request): FactGroup {
    return { title: 'Query', facts: kindsOf(query), otherwise: 'None.' };
}

function bodyOf({ body }: Request): FactGroup {
    const facts = isObject(body) && !Buffer.isBuffer(body) ? kindsOf(body) : [];
    return { title: 'Body', facts, otherwise: body === undefined || isObject(body) ? 'None.' : kindOf(body) };
}

function sessionFacts(request: Request): FactGroup {
    const title = 'Session';
    const owner = sessionOf(request);
    if (!owner) {
        return { title, facts: [], otherwise: 'This request has none.' };
    }
    if (!owner.object) {
        return { title, facts: [], otherwise: 'This request did not look at its session.' };
    }
    const session: unknown = request.session;
    const facts = isObject(session) ? kindsOf(session).filter(([key]) => key !== 'cookie') : [];
    return { title, facts, otherwise: isObject(session) ? 'It is empty.' : 'It has ended.' };
}

function kindsOf(values: object): [string, string][] {
    return Object.keys(values)
        .slice(0, MOST_KEYS)
        .map((key) => [key, kindOf((values as Record<string, unknown>)[key])]);
}

/** A value's kind and size, and nothing of the value. */
function kindOf(value: unknown): string {
    if (typeof value === 'string') {
        return `string, ${counted(value.length, 'character')}`;
    }
    if (Buffer.isBuffer(value)) {
        return counted(value.length, 'byte');
    }
    if (Array.isArray(value)) {
        return `list of ${value.length}, ${bytesOf(value)}`;
    }
    return isObject(value) ? `object, ${bytesOf(value)}` : value === null ? 'null' : typeof value;
}

function bytesOf(value: object): string {
    try {
        return counted(Buffer.byteLength(JSON.stringify(value) ?? ''), 'byte');
    } catch {
        return 'no JSON';
    }
}

function pathOnly(address: string): string {
    return address.replace(/[?#].*/s, '');
}

function shortened(text: string): string {
    return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function isObject(value: unknown): value is object {
    return typeof value === 'object' && value !== null;
}
