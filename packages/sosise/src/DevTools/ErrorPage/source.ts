import { readFileSync } from 'node:fs';
import type { Frame } from './frames.js';

/** Lines of a file around the one that matters. */
export interface Source {
    readonly place: string;
    readonly lines: readonly { readonly number: number; readonly text: string; readonly isIt: boolean }[];
}

const AROUND = 5;
/** Code, and no other file of the project: a stack is text that anybody may have made. */
const CODE = /\.[cm]?[jt]sx?$/;

/** The code that a frame points at; undefined where it is not the user's, or can't be read. */
export function sourceOf(frame: Frame | undefined): Source | undefined {
    if (!frame?.own || frame.file === undefined) {
        return undefined;
    }
    const all = linesOf(frame.file, frame.isTemplate);
    if (!all || frame.line > all.length) {
        return undefined;
    }
    const first = Math.max(0, frame.line - 1 - AROUND);
    const lines = all.slice(first, frame.line + AROUND).map((text, at) => ({
        number: first + at + 1,
        text: text.slice(0, 300),
        isIt: first + at + 1 === frame.line,
    }));
    return { place: frame.place, lines };
}

/** The lines of a file of code, or of a template; undefined where it is none, or can't be read. */
function linesOf(file: string, isTemplate: boolean | undefined): string[] | undefined {
    try {
        return isTemplate || CODE.test(file) ? readFileSync(file, 'utf8').split(/\r?\n/) : undefined;
    } catch {
        return undefined;
    }
}
