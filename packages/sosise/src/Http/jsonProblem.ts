/** What a body may be made of. */
export interface BodyLimits {
    /** How many objects and lists of a JSON body may stand inside each other. */
    depth: number;
    /** How many keys and list items a JSON body may have, all levels together. Forms have 1,000 fields at most. */
    keys: number;
}

export type JsonProblem = 'json.too.deep' | 'json.too.many' | 'prototype.key';

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** `constructor` is the longest name that is looked for, and a letter has six characters when it is escaped. */
const LONGEST_NAME = 6 * 'constructor'.length;

/**
 * What is wrong with a JSON text in UTF-8, before anything is made of it: `JSON.parse` would block for a fifth of a
 * second on a megabyte of brackets. Looks at each byte once. Of a text that is no JSON it may find anything or nothing.
 */
export function jsonProblem(bytes: Buffer, { depth, keys }: BodyLimits): JsonProblem | undefined {
    /** One item for each object or list that is open: whether it is what a key `constructor` holds. */
    const open: boolean[] = [];
    let entries = 0;
    let previous = 0; // the last byte that was no space
    let name = '';
    let string: [start: number, end: number] = [0, 0];
    for (let at = 0; at < bytes.length; at += 1) {
        const byte = bytes[at] as number;
        switch (byte) {
            case QUOTE:
                string = [at, endOfString(bytes, at)];
                at = string[1];
                break;
            case COLON:
                name = nameOf(bytes, ...string);
                if (name === '__proto__' || (name === 'prototype' && open.at(-1))) {
                    return 'prototype.key';
                }
                break;
            case COMMA:
                entries += 1;
                break;
            case OPEN_LIST:
            case OPEN_OBJECT:
                if (open.length === depth) {
                    return 'json.too.deep';
                }
                open.push(previous === COLON && name === 'constructor');
                break;
            case CLOSE_LIST:
            case CLOSE_OBJECT:
                open.pop();
                // There is one entry more than commas, unless it is empty.
                entries += previous === OPEN_LIST || previous === OPEN_OBJECT ? 0 : 1;
                break;
        }
        if (entries > keys) {
            return 'json.too.many';
        }
        if (byte > 0x20) {
            previous = byte;
        }
    }
    return undefined;
}

/** Where the string that begins at `start` ends. */
function endOfString(bytes: Buffer, start: number): number {
    let at = start + 1;
    while (at < bytes.length && bytes[at] !== QUOTE) {
        at += bytes[at] === BACKSLASH ? 2 : 1;
    }
    return at;
}

/** The string between two quotes, or '' where it is none of those that are looked for. */
function nameOf(bytes: Buffer, start: number, end: number): string {
    if (end - start - 1 > LONGEST_NAME) {
        return '';
    }
    const text = bytes.toString('latin1', start, end + 1);
    try {
        return text.includes('\\') ? String(JSON.parse(text)) : text.slice(1, -1);
    } catch {
        return ''; // no JSON, as JSON.parse will say of the whole
    }
}
