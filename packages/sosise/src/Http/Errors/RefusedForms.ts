import type { Request, Response } from 'express';
import type { ValidationException } from '../../Exceptions/ValidationException.js';

/** Takes refused forms back to their pages. Bound by the sessions, which carry what was wrong there. */
export abstract class RefusedForms {
    /**
     * Sends a browser back to the form that was refused, with the errors and the input for its page. False where the envelope
     * is the better answer: to what is no form, where its page is unknown, or where no session would carry them there.
     */
    public abstract sendBack(error: ValidationException, request: Request, response: Response): boolean;
}
