import { Exception, type ExceptionOptions } from './Exception.js';

export interface ServiceUnavailableOptions extends ExceptionOptions {
    /** Sent as `Retry-After`, in seconds. */
    retryAfterSeconds?: number;
}

/** 503: something this request needs is out of order for now. Clients read the message; the cause is for the log. */
export class ServiceUnavailableException extends Exception {
    public constructor(
        message = 'The service is unavailable: please try again in a moment.',
        { retryAfterSeconds, ...options }: ServiceUnavailableOptions = {},
    ) {
        const headers: Record<string, string> = { ...options.headers };
        if (retryAfterSeconds !== undefined) {
            headers['Retry-After'] = String(Math.ceil(retryAfterSeconds));
        }
        super(message, { status: 503, errorCode: 'E_SERVICE_UNAVAILABLE', expose: true, ...options, headers });
    }
}
