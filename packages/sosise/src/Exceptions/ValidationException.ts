import { checkBack } from '../Support/ownPath.js';
import { Exception, type ExceptionOptions } from './Exception.js';

/** How a browser's form is refused. */
export interface RefusedForm {
    /** The path of the form's page, to go back to. Default: the page that sent it, which the browser names in `Referer`. */
    back?: string;
    /** Which fields `oldInput()` never gives back. Default: `isSecretField`, which knows passwords, tokens, cards and the like. */
    isSecret?: (field: string) => boolean;
}

export interface ValidationOptions extends ExceptionOptions, RefusedForm {
    message?: string;
}

/**
 * 422: what came is not valid. A browser that sent a form is sent back to it, where `validationErrors()` and `oldInput()`
 * say what was wrong and what was typed; all others read the messages in the envelope's `data`.
 */
export class ValidationException extends Exception {
    public readonly back: string | undefined;
    public readonly isSecret: ((field: string) => boolean) | undefined;

    /** @param errors The messages by field: `{ email: ['This address is taken.'] }`. */
    public constructor(
        public readonly errors: Readonly<Record<string, readonly string[]>>,
        { message = 'Please check what you have entered.', back, isSecret, ...options }: ValidationOptions = {},
    ) {
        super(message, { status: 422, errorCode: 'E_VALIDATION', data: errors, ...options });
        checkBack(back);
        this.back = back;
        this.isSecret = isSecret;
    }
}
