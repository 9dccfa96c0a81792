import { FLASH } from '../../Session/Record/SessionRecord.js';
import { isSecretKey, redacted } from '../../Support/secretNames.js';
import { hideSecrets } from '../ErrorPage/hideSecrets.js';

const LONGEST_VALUE = 240;
const LONGEST_LABEL = 100;
/** Of what two long values have in common, so much is shown before they differ. */
const SHOWN_BEFORE = 24;

/** A key as it is shown: flashed values are stored under keys with a mark. */
export function labelOf(key: string): string {
    return key.startsWith(FLASH) ? `flash ${key.slice(FLASH.length, key.lastIndexOf(':'))}` : key;
}

/** The same, of a length that a page can show. */
export function shortLabelOf(key: string): string {
    const label = labelOf(key);
    return label.length > LONGEST_LABEL ? `${label.slice(0, LONGEST_LABEL)}…` : label;
}

/** Whether the value under a key is masked. */
export function isMasked(key: string, value: unknown): boolean {
    return (
        isSecretKey(labelOf(key)) && value !== undefined && value !== null && value !== '' && typeof value !== 'boolean'
    );
}

/** A value as JSON text, with its secrets masked. Undefined: there is none. */
export function shownJson(key: string, value: unknown): string | undefined {
    const json = JSON.stringify(value, (name, inner: unknown) => (isMasked(name || key, inner) ? redacted : inner));
    return json === undefined ? undefined : hideSecrets(json);
}

/** Two texts, of which the part is shown where they differ. */
export function shortened(
    before: string | undefined,
    after: string | undefined,
): [string | undefined, string | undefined] {
    const same = commonStart(before ?? '', after ?? '');
    const isLong = Math.max(before?.length ?? 0, after?.length ?? 0) > LONGEST_VALUE;
    const from = isLong && before !== undefined && after !== undefined ? Math.max(0, same - SHOWN_BEFORE) : 0;
    return [part(before, from), part(after, from)];
}

function commonStart(one: string, other: string): number {
    let length = 0;
    while (length < one.length && one[length] === other[length]) {
        length += 1;
    }
    return length;
}

function part(text: string | undefined, from: number): string | undefined {
    if (text === undefined) {
        return undefined;
    }
    const shown = text.slice(from, from + LONGEST_VALUE);
    return `${from > 0 ? '…' : ''}${shown}${from + LONGEST_VALUE < text.length ? '…' : ''}`;
}
