import { types } from 'node:util';
import type { HttpSession } from './HttpSession.js';

/** Is told where a value is, and what becomes of it. */
type Lossy = (path: string, what: string) => void;

const MOST_LOSSY_LEVELS = 8;
const MOST_LOSSY_ITEMS = 1000;

/** What was said of a session: it is read more than once in a request. */
const saidOf = new WeakMap<HttpSession, Set<string>>();

/** Names what JSON drops or changes, each once. What can't be turned into JSON at all is told where it is tried. */
export function warnOfLosses(session: HttpSession, data: object, lossy: Lossy): void {
    const said = saidOf.get(session) ?? new Set<string>();
    saidOf.set(session, said);
    const walked = new Set<object>();
    try {
        warnInside('', data, 0);
    } catch {
        // a getter or a proxy threw
    }

    function warnOf(path: string, value: unknown, depth: number, isItem: boolean): void {
        const what = lossOf(value, isItem);
        if (what) {
            say(path, what);
        } else if (typeof value === 'object' && value !== null && depth < MOST_LOSSY_LEVELS && !hasToJson(value)) {
            warnInside(path, value, depth);
        }
    }

    /** Of an object's or a list's parts; bounded, as data may be large. */
    function warnInside(path: string, value: object, depth: number): void {
        if (walked.has(value)) {
            return;
        }
        walked.add(value);
        const names = Object.keys(value);
        if (Array.isArray(value)) {
            // Holes, too: they are stored as null.
            for (const [index, item] of value.slice(0, MOST_LOSSY_ITEMS).entries()) {
                warnOf(`${path}[${index}]`, item, depth + 1, true);
            }
            for (const name of names.filter((one) => !/^\d+$/.test(one))) {
                say(`${path}.${name}`, 'a property of an array, which is not stored');
            }
        } else {
            for (const name of names.slice(0, MOST_LOSSY_ITEMS)) {
                warnOf(`${path}.${name}`, (value as Record<string, unknown>)[name], depth + 1, false);
            }
        }
        for (const symbol of Object.getOwnPropertySymbols(value)) {
            if (Object.prototype.propertyIsEnumerable.call(value, symbol)) {
                say(`${path}[${String(symbol)}]`, 'under a symbol, which is not stored');
            }
        }
    }

    function say(path: string, what: string): void {
        if (!said.has(path)) {
            said.add(path);
            lossy(path, what);
        }
    }
}

/** How a value changes by being stored, as the end of a sentence; undefined where it does not, or only in its parts. */
function lossOf(value: unknown, isItem: boolean): string | undefined {
    const dropped = isItem ? 'which is stored as null' : 'which is not stored';
    if (typeof value === 'function' || typeof value === 'symbol') {
        return `a ${typeof value}, ${dropped}`;
    }
    if (value === undefined) {
        return isItem ? `undefined, ${dropped}` : undefined; // that is how a key is deleted
    }
    if (typeof value === 'number' && !Number.isFinite(value)) {
        return `${value}, which is stored as null`;
    }
    if (typeof value !== 'object' || value === null) {
        return undefined;
    }
    if (
        !hasToJson(value) &&
        (types.isMap(value) || types.isSet(value) || types.isWeakMap(value) || types.isWeakSet(value))
    ) {
        return `a ${value.constructor.name}, which is stored as {}: store an array instead`;
    }
    const isPlain = hasPlainPrototype(value);
    if (isPlain && !hasToJson(value)) {
        return undefined;
    }
    const becomes = becomesOf(value);
    if (types.isDate(value)) {
        return becomes === 'null' ? 'an invalid Date, which is stored as null' : undefined;
    }
    const name = isPlain ? 'an object with toJSON' : `a ${value.constructor?.name || 'class'}`;
    switch (becomes) {
        case undefined:
            return `${name} whose JSON is undefined, ${dropped}`;
        case 'null':
            return `${name}, which is stored as null`;
        default:
            return isPlain ? undefined : `${name}, which comes back as ${becomes}`;
    }
}

/** What an object is once it was stored and read again; undefined where nothing is stored of it. */
function becomesOf(value: object): string | undefined {
    const json: string | undefined = JSON.stringify(value);
    switch (json?.[0]) {
        case undefined:
            return undefined;
        case '{':
            return 'a plain object';
        case '[':
            return 'a plain array';
        case '"':
            return 'text';
        default:
            return json === 'null' ? 'null' : `a ${typeof JSON.parse(json as string)}`;
    }
}

function hasToJson(value: object): boolean {
    return typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

/** That of an object literal or an array, also of one that another realm has made. */
function hasPlainPrototype(value: object): boolean {
    const prototype = Object.getPrototypeOf(value);
    if (Array.isArray(value)) {
        return prototype !== null && Array.isArray(prototype);
    }
    return prototype === null || Object.getPrototypeOf(prototype) === null;
}
