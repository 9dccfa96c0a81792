import { ConfigError } from '../Exceptions/errors.js';

/** The console was called in a way that it does not know: it ends with 2. */
export class UsageError extends ConfigError {
    public override readonly name: string = 'UsageError';
}
