import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Frame } from './frames.js';

/** How values get to the error handler that are no errors; behind it stands the value. */
const THROW = /(?:\bthrow\b\s*|\breject\(\s*|\bnext\(\s*|\bfail\(\s*)(?=\S)/g;
const MOST = 3;

/**
 * The lines of the user's sources that throw a value like this one, which is no error: of such values JavaScript knows no
 * line, so that they are looked for by their text.
 */
export function throwsOf(thrown: unknown, root: string): Frame[] {
    const found: Frame[] = [];
    for (const file of sourcesIn(join(root, 'src'))) {
        for (const [index, line] of linesOf(file).entries()) {
            for (const match of line.matchAll(THROW)) {
                const column = match.index + 1;
                if (found.length < MOST && isLike(thrown, line.slice(match.index + match[0].length))) {
                    const place = `${relative(root, file).split(sep).join('/')}:${index + 1}:${column}`;
                    found.push({ call: match[0].trim(), place, file, line: index + 1, column, own: true });
                }
            }
        }
    }
    return found;
}

/** Whether source code may be that of a value. */
function isLike(thrown: unknown, code: string): boolean {
    if (typeof thrown === 'string') {
        const [, quote, text = ''] = /^(['"`])((?:\\.|(?!\1).)*)\1/.exec(code) ?? [];
        return quote !== undefined && isTextOf(thrown, text, quote === '`');
    }
    if (typeof thrown === 'object' && thrown !== null) {
        return code.startsWith(Array.isArray(thrown) ? '[' : '{');
    }
    return typeof thrown !== 'function' && code.startsWith(String(thrown));
}

/** @param literal What stands between the quotes; a template's values may be anything. */
function isTextOf(text: string, literal: string, isTemplate: boolean): boolean {
    const parts = (isTemplate ? literal.split(/\$\{[^}]*\}/) : [literal]).map((part) => part.replace(/\\(.)/g, '$1'));
    const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*');
    return parts.some((part) => part.trim() !== '') && new RegExp(`^${pattern}$`, 's').test(text);
}

function sourcesIn(folder: string): string[] {
    try {
        const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
        const own = names.filter((name) => /\.[cm]?[jt]sx?$/.test(name) && !name.startsWith(`framework${sep}`));
        return own.sort().map((name) => join(folder, name));
    } catch {
        return [];
    }
}

function linesOf(file: string): string[] {
    try {
        return readFileSync(file, 'utf8').split(/\r?\n/);
    } catch {
        return [];
    }
}
