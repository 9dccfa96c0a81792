import { ConfigError } from '../Exceptions/errors.js';

/** The server could not begin to listen. The sentence names the fix. */
export class ListenError extends ConfigError {
    public override readonly name = 'ListenError';

    public constructor(cause: NodeJS.ErrnoException, port: number | string, host: string | undefined) {
        super(sentence(cause, port, host), {
            errorCode: cause.code === 'EADDRINUSE' ? 'E_PORT_IN_USE' : 'E_LISTEN_FAILED',
            cause,
        });
    }
}

function sentence({ code, message }: NodeJS.ErrnoException, port: number | string, host: string | undefined): string {
    if (typeof port === 'string') {
        return ofPath(code ?? message, port);
    }
    switch (code) {
        case 'EADDRINUSE':
            return `Port ${port} is in use: stop the other program or set LISTEN_PORT in .env (PORT, where that is set outside).`;
        case 'EACCES':
            return `Port ${port} may not be opened by this user: set LISTEN_PORT in .env to one above 1023 (PORT, where that is set outside).`;
        case 'EADDRNOTAVAIL':
        case 'ENOTFOUND':
        case 'EAI_AGAIN':
        case 'EAFNOSUPPORT':
            return `${host} is not an address of this machine: correct host in src/config/http.ts (LISTEN_HOST).`;
        default:
            return `The server can't listen on port ${port}: ${message}.`;
    }
}

function ofPath(code: string, path: string): string {
    const set = 'set another path in LISTEN_PORT (PORT, where that is set outside)';
    switch (code) {
        case 'EADDRINUSE':
            return `${path} is in use: stop the other program, or ${set}.`;
        case 'ENOENT':
        case 'EACCES':
            return `${path} can't be made (${code}): its folder has to be there, and this user has to have the right to write into it.`;
        default:
            return `The server can't listen on ${path}: ${code}; ${set}.`;
    }
}
