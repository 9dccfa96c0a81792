import { Exception, type ExceptionOptions } from './Exception.js';

/** 403: understood, and refused. */
export class ForbiddenException extends Exception {
    public constructor(message = 'You are not allowed to do this.', options: ExceptionOptions = {}) {
        super(message, { status: 403, errorCode: 'E_FORBIDDEN', ...options });
    }
}
