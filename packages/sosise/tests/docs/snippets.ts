import type { Block } from './Markdown.js';

/**
 * What a TypeScript block asks its reader to do: write a whole file, change keys of a config file, or use statements inside a
 * method (with imports at the top of the file).
 */
export type SnippetKind = 'file' | 'keys' | 'statements';

export function kindOf({ code, path }: Block): SnippetKind {
    if (path && (/^export /m.test(code) || path.endsWith('.d.ts') || path.startsWith('tests/'))) {
        return 'file';
    }
    return /^ {4}\w+:/.test(code) ? 'keys' : 'statements';
}

/** The config file with the keys of a block in place of its own. */
export function withKeys(file: string, keys: string): string {
    return [...entriesOf(keys)].reduce((text, [key, entry]) => {
        const old = entriesOf(text).get(key);
        return old === undefined ? text.replace(/\}\);\s*$/, () => `${entry}});\n`) : text.replace(old, () => entry);
    }, file);
}

/** Entries of an object that is indented once, by key. */
function entriesOf(text: string): Map<string, string> {
    const entry = /^ {4}(\w+):(?:.*[^{[]|.*[{[]\n(?:(?: {8}.*)?\n)* {4}[\]}].*)\n/gm;
    return new Map([...text.matchAll(entry)].map(([all, key = '']) => [key, all]));
}

/** The file with a block's imports at its top and its statements first in the named method. */
export function withStatements(file: string, code: string, method: string): string {
    const { imports, statements } = split(code);
    return imports + file.replace(new RegExp(`${method}\\(\\).*\\{\\n`), (head) => head + statements);
}

/** Statements as a module that compiles: inside an async method with what a controller or provider has at hand. */
export function asModule({ code }: Block): string {
    const { imports, statements } = split(code);
    return `${imports}
export async function snippet(
    this: { readonly app: import('sosise').ApplicationKernel },
    request: import('express').Request,
    response: import('express').Response,
    next: import('express').NextFunction,
) {
${statements}}
`;
}

function split(code: string): { imports: string; statements: string } {
    const lines = code.split('\n').filter((line, index, all) => line !== '' || index < all.length - 1);
    const isImport = (line: string) => /^import .*;$/.test(line);
    const join = (chosen: string[]) => chosen.map((line) => `${line}\n`).join('');
    return { imports: join(lines.filter(isImport)), statements: join(lines.filter((line) => !isImport(line))) };
}
