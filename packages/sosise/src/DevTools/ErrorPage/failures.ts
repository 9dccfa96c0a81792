import { existsSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { Exception } from '../../Exceptions/Exception.js';
import { ResponseTimeoutException } from '../../Exceptions/ResponseTimeoutException.js';
import { describe } from '../../Exceptions/thrown.js';
import { type Frame, framesOf, templateFrame } from './frames.js';
import { linesOf, type Source, sourceOf } from './source.js';

/** An error of the chain that led to the answer, read for the page. */
export interface Failure {
    readonly name: string;
    readonly message: string;
    readonly code?: string;
    readonly frames: readonly Frame[];
    readonly source: Source | undefined;
    /** It was made of a value that is no error: its first frames are only where that may have been thrown. */
    readonly isGuessed?: boolean;
}

const MOST = 8;
const MOST_PLACES = 3;

/**
 * The error, what caused it, what caused that; the parts of an AggregateError come after it.
 * @param views The folder of the templates, where there are some.
 */
export function failuresOf(error: Error, root: string, views?: string): Failure[] {
    const failures: Failure[] = [];
    const seen = new Set<unknown>();
    const add = (thrown: unknown): void => {
        if (thrown === undefined || seen.has(thrown) || failures.length === MOST) {
            return;
        }
        seen.add(thrown);
        failures.push(thrown instanceof Error ? read(thrown, root, views) : notAnError(thrown));
        if (thrown instanceof AggregateError) {
            thrown.errors.forEach(add);
        }
        add(thrown instanceof Error ? thrown.cause : undefined);
    };
    add(error);
    return failures;
}

function read(error: Error, root: string, views: string | undefined): Failure {
    const template = templateFrame(String(error.message), root, views);
    const known = [...(template ? [template.frame] : []), ...framesOf(error, root)];
    const isGuessed = isMadeOfValue(error) && !known.some(({ own }) => own);
    const frames = isGuessed ? [...placesOf(error.cause, root), ...known] : known;
    const code: unknown = (error as NodeJS.ErrnoException).code;
    return {
        name: String(error.name),
        message:
            error instanceof ResponseTimeoutException ? error.detail : (template?.message ?? String(error.message)),
        ...(typeof code === 'string' && { code }),
        frames,
        ...(isGuessed && { isGuessed }),
        source: frames.map((frame) => (frame.own ? sourceOf(frame) : undefined)).find((source) => source !== undefined),
    };
}

/** As `toError()` makes it of what was thrown. */
function isMadeOfValue(error: Error): boolean {
    return error instanceof Exception && Object.hasOwn(error, 'cause') && !(error.cause instanceof Error);
}

/** The lines of the user's sources that hold a thrown text: no stack tells where it was thrown. */
function placesOf(thrown: unknown, root: string): Frame[] {
    const sources = join(root, 'src');
    if (typeof thrown !== 'string' || thrown.trim() === '' || !existsSync(sources)) {
        return [];
    }
    const literals = ["'", '"', '`'].map((quote) => `${quote}${thrown}${quote}`);
    const places = readdirSync(sources, { recursive: true, encoding: 'utf8' })
        .sort()
        .flatMap((name) => {
            const file = join(sources, name);
            return (linesOf(file) ?? []).flatMap((text, index) => {
                const column = Math.max(...literals.map((literal) => text.replaceAll('\\', '').indexOf(literal))) + 1;
                const place = `${relative(root, file).split(sep).join('/')}:${index + 1}:${column}`;
                return column > 0 ? [{ call: 'the text', place, file, line: index + 1, column, own: true }] : [];
            });
        });
    return places.slice(0, MOST_PLACES);
}

function notAnError(thrown: unknown): Failure {
    return { name: 'Thrown, but not an Error', message: describe(thrown), frames: [], source: undefined };
}
