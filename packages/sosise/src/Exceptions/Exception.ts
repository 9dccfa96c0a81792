export interface ExceptionOptions {
    /** The envelope's `code`. Default: the HTTP status (success is 1000). */
    code?: number;
    /** The HTTP status, 400 to 599. Default: 500. */
    status?: number;
    /** Beside the sentence, to search for and to switch on: logged, never sent. */
    errorCode?: string;
    /** What led to it: logged, never sent. */
    cause?: unknown;
    /** Whether the client may read the message. Default: only where the status is below 500. */
    expose?: boolean;
    /** The envelope's `data`, sent where the message is. Default: null. */
    data?: unknown;
    /** The log tells of its cause already, once for many requests: `report()` does not do it for each. */
    isLogged?: boolean;
    /** Sent with the answer, such as `Retry-After`. */
    headers?: Readonly<Record<string, string>>;
}

/** An error that knows how it is answered: `{ code, message, data }` with an HTTP status. Extend it for your own. */
export class Exception extends Error {
    public readonly code: number;
    public readonly errorCode: string | undefined;
    public readonly status: number;
    public readonly expose: boolean;
    public readonly data: unknown;
    public readonly headers: Readonly<Record<string, string>>;
    public readonly isLogged: boolean;

    public constructor(message: string, options: ExceptionOptions = {}) {
        super(message, 'cause' in options ? { cause: options.cause } : undefined);
        this.name = new.target.name;
        this.status = options.status ?? 500;
        this.code = options.code ?? this.status;
        this.errorCode = options.errorCode;
        this.expose = options.expose ?? this.status < 500;
        this.data = options.data ?? null;
        this.headers = options.headers ?? {};
        this.isLogged = options.isLogged ?? false;
    }
}
