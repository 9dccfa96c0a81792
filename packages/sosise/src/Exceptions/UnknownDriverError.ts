import { ConfigError } from './errors.js';

/** A driver was named that its manager does not know. */
export class UnknownDriverError extends ConfigError {
    public override readonly name: string = 'UnknownDriverError';

    public constructor(
        message: string,
        public readonly driver: string,
        public readonly known: readonly string[],
    ) {
        super(message, { errorCode: 'E_DRIVER_UNKNOWN' });
    }
}
