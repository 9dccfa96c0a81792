import { Exception, type ExceptionOptions } from './Exception.js';

/** 415: the body has a type, charset or encoding that nobody reads here. */
export class UnsupportedMediaTypeException extends Exception {
    public constructor(message = 'The type of the request body is not supported.', options: ExceptionOptions = {}) {
        super(message, { status: 415, errorCode: 'E_UNSUPPORTED_MEDIA_TYPE', ...options });
    }
}
