import { Exception, type ExceptionOptions } from './Exception.js';

/** 400: the request can not be understood. */
export class BadRequestException extends Exception {
    public constructor(message = 'The request is malformed.', options: ExceptionOptions = {}) {
        super(message, { status: 400, errorCode: 'E_BAD_REQUEST', ...options });
    }
}
