import { Exception, type ExceptionOptions } from './Exception.js';

/** 401: nobody is logged in. */
export class UnauthorizedException extends Exception {
    public constructor(message = 'Please log in first.', options: ExceptionOptions = {}) {
        super(message, { status: 401, errorCode: 'E_UNAUTHORIZED', ...options });
    }
}
