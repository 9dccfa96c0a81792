import { ResponseTimeoutException } from '../../Exceptions/ResponseTimeoutException.js';
import { describe } from '../../Exceptions/thrown.js';
import { type Frame, framesOf, templateFrame } from './frames.js';
import { type Source, sourceOf } from './source.js';

/** An error of the chain that led to the answer, read for the page. */
export interface Failure {
    readonly name: string;
    readonly message: string;
    readonly code?: string;
    readonly frames: readonly Frame[];
    readonly source: Source | undefined;
}

const MOST = 8;

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
    const frames = [...(template ? [template.frame] : []), ...framesOf(error, root)];
    const code: unknown = (error as NodeJS.ErrnoException).code;
    return {
        name: String(error.name),
        message:
            error instanceof ResponseTimeoutException ? error.detail : (template?.message ?? String(error.message)),
        ...(typeof code === 'string' && { code }),
        frames,
        source: frames.map((frame) => (frame.own ? sourceOf(frame) : undefined)).find((source) => source !== undefined),
    };
}

function notAnError(thrown: unknown): Failure {
    return { name: 'Thrown, but not an Error', message: describe(thrown), frames: [], source: undefined };
}
