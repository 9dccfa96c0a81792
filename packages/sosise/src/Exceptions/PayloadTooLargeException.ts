import { Exception, type ExceptionOptions } from './Exception.js';

/** 413: the body is over a limit. */
export class PayloadTooLargeException extends Exception {
    public constructor(message = 'The request body is too large.', options: ExceptionOptions = {}) {
        super(message, { status: 413, errorCode: 'E_PAYLOAD_TOO_LARGE', ...options });
    }
}
