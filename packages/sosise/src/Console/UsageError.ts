import { nearest } from '../Support/nearest.js';
import { CommandError } from './CommandError.js';

/** The console was called in a way that it does not know: it ends with 2. */
export class UsageError extends CommandError {
    public override readonly name: string = 'UsageError';
    public override readonly errorCode: string = 'E_USAGE';
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
