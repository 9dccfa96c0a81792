import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { inspect } from 'node:util';
import { ConfigError } from './errors.js';
import { importFailure } from './importFailure.js';

/** As the loader of TypeScript tells of code that it can't read; its columns count from 0. */
const SYNTAX_ERROR = /^(.+?):(\d+):(\d+): ERROR: (.+)$/gm;

/** What is said of an error that start-up stops with: a stack only where it leads to its place. */
export function startFailure(error: unknown): string {
    if (error instanceof ConfigError) {
        return `[${error.errorCode}] ${error.message}`;
    }
    return syntaxErrorsOf(error) || importFailure(error) || inspect(error);
}

function syntaxErrorsOf(error: unknown): string {
    const { name, message } = (error ?? {}) as Partial<Error>;
    return name === 'TransformError' ? Array.from(String(message).matchAll(SYNTAX_ERROR), told).join('\n') : '';
}

function told([, file = '', line, column, message]: RegExpMatchArray): string {
    const place = `${relative('', file)}:${line}:${Number(column) + 1}`;
    const source = lineOf(file, Number(line));
    const caret = source.slice(0, Number(column)).replace(/\S/g, ' ');
    const margin = ' '.repeat(String(line).length);
    return `${place}: ${message}\n\n  ${line} | ${source}\n  ${margin} | ${caret}^\n`;
}

function lineOf(file: string, line: number): string {
    try {
        return readFileSync(file, 'utf8').split(/\r?\n/)[line - 1] ?? '';
    } catch {
        return '';
    }
}
