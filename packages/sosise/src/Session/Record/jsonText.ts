import { DamagedRecordError } from './DamagedRecordError.js';

/** Deeper than any real session, and far from where JSON.stringify runs out of stack. */
export const MAX_DEPTH = 200;
/** Shorter texts can't be nested deeply enough to do harm. */
const HARMFUL_LENGTH = 4_000;

export function parseObject(text: string): Record<string, unknown> {
    const parsed = /__proto__|\\u00/.test(text) ? parseWithoutProto(text) : tryParse(text);
    if (text.length > HARMFUL_LENGTH && hasMoreBrackets(text, MAX_DEPTH) && isNested(parsed, MAX_DEPTH)) {
        throw new DamagedRecordError('it is nested too deeply');
    }
    if (!isObject(parsed)) {
        throw new DamagedRecordError('it is not a JSON object');
    }
    return parsed;
}

export function tryParse(text: string, reviver?: (key: string, value: unknown) => unknown): unknown {
    try {
        return JSON.parse(text, reviver);
    } catch {
        throw new DamagedRecordError(text === '' ? 'it is empty' : 'it is not JSON');
    }
}

/** The name may stand there in escapes, too. */
function parseWithoutProto(text: string): unknown {
    let found = false;
    const parsed = tryParse(text, (key, value) => {
        found ||= key === '__proto__';
        return value;
    });
    if (found) {
        throw new DamagedRecordError('it holds a __proto__ key');
    }
    return parsed;
}

/** Whether a JSON text is nested deeper than so many levels. */
export function isDeeperThan(text: string, levels: number): boolean {
    return hasMoreBrackets(text, levels) && isNested(JSON.parse(text), levels);
}

/** Whether JSON may be nested deeper than so many levels. Nearly none has as many brackets. */
export function hasMoreBrackets(text: string, most: number): boolean {
    let found = 0;
    for (const bracket of ['[', '{']) {
        for (let at = text.indexOf(bracket); at >= 0 && found <= most; at = text.indexOf(bracket, at + 1)) {
            found += 1;
        }
    }
    return found > most;
}

/** Whether a value has more levels than so many. */
function isNested(value: unknown, levels: number): boolean {
    const isGroup = typeof value === 'object' && value !== null;
    return isGroup && (levels === 0 || Object.values(value).some((inner) => isNested(inner, levels - 1)));
}

export function isObject(value: unknown): value is Record<string, unknown> {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isTime(value: unknown): value is number {
    return Number.isFinite(value);
}
