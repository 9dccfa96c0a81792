import { isSecretField } from '../../Support/secretNames.js';

/** In bytes of JSON: what a refused form may put into the session, once for its errors and once for its input. */
const MOST_BYTES = 8_192;

/** What they are flashed as. */
export const ERRORS = '__errors';
export const INPUT = '__input';

/** The fields of a form that may be given back: texts, and lists of texts. */
export function fittingInput(
    body: unknown,
    isSecret: (field: string) => boolean = isSecretField,
): Record<string, string | string[]> {
    if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body)) {
        return {};
    }
    const fields = Object.entries(body as Record<string, unknown>).filter(
        (field): field is [string, string | string[]] => isInput(field[1]) && !isSecret(field[0]),
    );
    return fitting(fields);
}

export function fittingErrors(errors: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> {
    return fitting(Object.entries(errors));
}

function isInput(value: unknown): value is string | string[] {
    return typeof value === 'string' || (Array.isArray(value) && value.every((item) => typeof item === 'string'));
}

/** As many fields as fit. */
function fitting<Value>(fields: readonly [name: string, value: Value][]): Record<string, Value> {
    let left = MOST_BYTES;
    return Object.fromEntries(
        fields.filter((field) => {
            const bytes = Buffer.byteLength(JSON.stringify(field));
            const fits = bytes <= left;
            left -= fits ? bytes : 0;
            return fits;
        }),
    );
}
