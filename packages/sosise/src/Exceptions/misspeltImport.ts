import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearest } from '../Support/nearest.js';

const IMPORTS = /^import\s[^;'"]*\{([^}]*)\}\s*from\s*(['"][^'"]+['"])/gm;

/**
 * A name that is misspelt in its import alone: nothing uses what is imported then, so the loader of TypeScript leaves it out, and
 * Node.js says of the right name that it is not defined. Undefined: the error is of another kind.
 */
export function misspeltImport(error: unknown): string | undefined {
    const { name, message, stack } = (error ?? {}) as Partial<Error>;
    const [, used = ''] = /^(\w+) is not defined$/.exec(String(message)) ?? [];
    const [, file = '', line] = /^ +at .*?\(?(file:[^)\n]+?|\/[^)\n]+?):(\d+):\d+\)?$/m.exec(String(stack)) ?? [];
    if (name !== 'ReferenceError' || used === '' || file === '') {
        return undefined;
    }
    const path = file.startsWith('file:') ? fileURLToPath(file.replace(/\?.*$/, '')) : file;
    const imported = importsIn(path);
    const near = nearest(used, [...imported.keys()]);
    return (
        near &&
        `${relative('', path)}:${line} uses ${used}, which is not defined; ${near} is imported from ${imported.get(near)}: did you mean to import ${used}?`
    );
}

/** The names that a file imports, each with where from. */
function importsIn(file: string): Map<string, string> {
    try {
        const found = [...readFileSync(file, 'utf8').matchAll(IMPORTS)];
        return new Map(
            found.flatMap(([, names = '', from = '']) =>
                names.split(',').map((each) => [each.trim().replace(/^type\s+|^.*\sas\s+/, ''), from] as const),
            ),
        );
    } catch {
        return new Map();
    }
}
