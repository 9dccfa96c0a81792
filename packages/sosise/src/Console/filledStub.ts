import { readFileSync } from 'node:fs';

/** The text of a stub file with its `{{ placeholders }}` filled in. */
export function filledStub(file: URL, values: Readonly<Record<string, string>>): string {
    return readFileSync(file, 'utf8').replace(/\{\{ (\w+) \}\}/g, (_, key: string) => values[key] ?? '');
}
