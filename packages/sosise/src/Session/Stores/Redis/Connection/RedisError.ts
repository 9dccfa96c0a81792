import { ServerError } from '../../../Drivers/ServerError.js';

/** Answers that stay the same however often one asks: the options are wrong, not the moment. */
const LASTING = new Set(['WRONGPASS', 'NOAUTH', 'NOPERM', 'DENIED']);
/** Redis could not be asked, or refused. */
export class RedisError extends ServerError {
    public override readonly name = 'RedisError';

    public override get isLasting(): boolean {
        return (
            this.isOfTls ||
            LASTING.has(this.code) ||
            /^ERR (?:invalid password|DB index|Client sent AUTH|AUTH <password>)/i.test(this.said)
        );
    }

    private get said(): string {
        return this.message.replace(/^Redis refused: /, '');
    }
}

/** What the server answered, without the part in which it repeats what it was sent: that may be a password. */
export function refused(reply: Error): RedisError {
    const said = reply.message.split(/,? with args /i)[0] ?? '';
    const code = /^[A-Z]+/.exec(said)?.[0] ?? 'ERR';
    return new RedisError(`Redis refused: ${said.replace(/\.?$/, '.')}`, code, 'refused');
}

/** A connection that broke, or could not be made. */
export function lost(error: unknown, kind: 'lost' | 'unsent' = 'lost'): RedisError {
    if (error instanceof RedisError) {
        return error;
    }
    const code = codeIn(error);
    return new RedisError(`Redis can't be reached (${code}).`, code, kind);
}

/** Several addresses were tried: what the first one said. */
function codeIn(error: unknown): string {
    const { code, errors } = (error ?? {}) as { code?: unknown; errors?: unknown[] };
    if (typeof code === 'string') {
        return code;
    }
    return Array.isArray(errors) && errors.length > 0 ? codeIn(errors[0]) : (error?.constructor.name ?? 'unknown');
}
