/** Answers that stay the same however often one asks: the options are wrong, not the moment. */
const LASTING = new Set(['WRONGPASS', 'NOAUTH', 'NOPERM', 'DENIED']);
/** Node's and OpenSSL's: a certificate that is not trusted, not for this host, or asked of us; no TLS where it was expected. */
const TLS = /^(?:EPROTO|ERR_(?:TLS|SSL|OSSL)_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA)|CERT/;

/** The server could not be asked, or refused. The message and the code never hold what was sent, or an address with a password. */
export class RedisError extends Error {
    public override readonly name = 'RedisError';

    public constructor(
        message: string,
        /** Redis' own word, such as `OOM`, or Node's, such as `ECONNREFUSED`. */
        public readonly code: string,
        /** `lost`: the command may have been done or not. `refused`: the server said no. `unsent`: it never left. */
        public readonly kind: 'lost' | 'refused' | 'unsent',
    ) {
        super(message);
    }

    /** Whether trying again can't help. */
    public get isLasting(): boolean {
        return (
            this.isOfTls ||
            LASTING.has(this.code) ||
            /^ERR (?:invalid password|DB index|Client sent AUTH|AUTH <password>)/i.test(this.said)
        );
    }

    /** Whether it was the way there that could not be made safe. */
    public get isOfTls(): boolean {
        return this.kind !== 'refused' && TLS.test(this.code);
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
