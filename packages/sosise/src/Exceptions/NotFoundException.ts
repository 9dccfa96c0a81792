import { Exception, type ExceptionOptions } from './Exception.js';

/** 404: there is nothing here. */
export class NotFoundException extends Exception {
    public constructor(message = 'Not found.', options: ExceptionOptions = {}) {
        super(message, { status: 404, errorCode: 'E_NOT_FOUND', ...options });
    }
}
