/** Node's and OpenSSL's: a certificate that is not trusted, not for this host, or asked of us; no TLS where it was expected. */
const TLS =
    /^(?:ESSL|EPROTO|ERR_(?:TLS|SSL|OSSL)_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA)|CERT/;

/**
 * A store's server could not be asked, or refused. Neither the message nor the code holds what was sent, a name, or an address
 * with a password.
 */
export abstract class ServerError extends Error {
    public constructor(
        message: string,
        /** The server's own, such as `OOM` of Redis or SQLSTATE `25006`, SQLite's such as `SQLITE_FULL`, or Node's such as `ECONNREFUSED`. */
        public readonly code: string,
        /** `lost`: what was asked may have been done or not. `refused`: the server said no. `unsent`: it was not done. */
        public readonly kind: 'lost' | 'refused' | 'unsent',
    ) {
        super(message);
    }

    /** Whether trying again can't help. */
    public abstract get isLasting(): boolean;

    /** Whether it was the way there that could not be made safe. */
    public get isOfTls(): boolean {
        return this.kind !== 'refused' && TLS.test(this.code);
    }
}
