import { ConfigError } from '../Exceptions/errors.js';
import { nearest } from '../Support/nearest.js';

/** The console was called in a way that it does not know: it ends with 2. */
export class UsageError extends ConfigError {
    public override readonly name: string = 'UsageError';
}

/** For a name that is none of the known ones: it says which is nearest, or which there are. */
export function unknownName(kind: string, given: string, known: readonly string[]): UsageError {
    const near = nearest(given, known);
    return new UsageError(
        near
            ? `There is no ${kind} ${given}: did you mean ${near}?`
            : `There is no ${kind} ${given}: there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}.`,
    );
}
