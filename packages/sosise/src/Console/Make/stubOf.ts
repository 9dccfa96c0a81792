import { readFileSync } from 'node:fs';

/** Beside this file in the sources, and beside its bundle in the packed framework. */
const folder = new URL('./stubs/', import.meta.url);

/** A stub file with its `{{ placeholders }}` filled in. */
export function stubOf(name: string, values: Readonly<Record<string, string>>): string {
    const stub = readFileSync(new URL(`${name}.stub`, folder), 'utf8');
    return stub.replace(/\{\{ (\w+) \}\}/g, (_, key: string) => values[key] ?? '');
}
