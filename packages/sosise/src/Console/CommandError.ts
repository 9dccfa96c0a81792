import { ConfigError } from '../Exceptions/errors.js';

/** A command can't do its work, or did not come to its end: it ends with 1. */
export class CommandError extends ConfigError {
    public override readonly name: string = 'CommandError';
    public override readonly errorCode: string = 'E_COMMAND_FAILED';
}
