import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Frame } from './frames.js';

/** How values get to the error handler that are no errors; behind it stands the value. */
const THROW = /(?:\bthrow\b\s*|\breject\(\s*|\bnext\(\s*|\bfail\(\s*)(?=\S)/g;
const MOST = 3;

const LITERAL = /(['"`])((?:\\.|(?!\1).)*)\1/g;

/**
 * The lines of the user's sources that throw a value like this one, which is no error: of such values JavaScript knows no
 * line, so that they are looked for by their text. Where none throws it, those that hold the text.
 */
export function throwsOf(thrown: unknown, root: string): Frame[] {
    const thrownBy = placesOf(root, THROW, ([whole], behind) => (isLike(thrown, behind) ? whole.trim() : undefined));
    return thrownBy.length > 0 || typeof thrown !== 'string' || thrown.trim() === ''
        ? thrownBy
        : placesOf(root, LITERAL, ([, , text = '']) => (isTextOf(thrown, text) ? 'the text' : undefined));
}

type Call = (match: RegExpExecArray, behind: string) => string | undefined;

/** @param callOf What a place is called; undefined: it is none. */
function placesOf(root: string, pattern: RegExp, callOf: Call): Frame[] {
    const found: Frame[] = [];
    for (const file of sourcesIn(join(root, 'src'))) {
        for (const [index, line] of linesOf(file).entries()) {
            for (const match of line.matchAll(pattern)) {
                const column = match.index + 1;
                const call = callOf(match, line.slice(match.index + match[0].length));
                if (found.length < MOST && call !== undefined) {
                    const place = `${relative(root, file).split(sep).join('/')}:${index + 1}:${column}`;
                    found.push({ call, place, file, line: index + 1, column, own: true });
                }
            }
        }
    }
    return found;
}

/** Whether source code may be that of a value. */
function isLike(thrown: unknown, code: string): boolean {
    if (typeof thrown === 'string') {
        const [whole = '', quote, text = ''] = /^(['"`])((?:\\.|(?!\1).)*)\1/.exec(code) ?? [];
        const isSum = /^\s*\+/.test(code.slice(whole.length)); // what is behind it may be anything
        return quote !== undefined && isTextOf(thrown, text, { isTemplate: quote === '`', isSum });
    }
    if (typeof thrown === 'object' && thrown !== null) {
        return code.startsWith(Array.isArray(thrown) ? '[' : '{');
    }
    return typeof thrown !== 'function' && code.startsWith(String(thrown));
}

/**
 * @param literal What stands between the quotes; a template's values may be anything.
 * @param isSum Whether more is added to it.
 */
function isTextOf(text: string, literal: string, { isTemplate = false, isSum = false } = {}): boolean {
    const parts = (isTemplate ? literal.split(/\$\{[^}]*\}/) : [literal]).map((part) => part.replace(/\\(.)/g, '$1'));
    const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*');
    const end = isSum ? '' : '$';
    return parts.some((part) => part.trim() !== '') && new RegExp(`^${pattern}${end}`, 's').test(text);
}

function sourcesIn(folder: string): string[] {
    try {
        const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
        const own = names.filter((name) => /\.[cm]?[jt]sx?$/.test(name));
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
