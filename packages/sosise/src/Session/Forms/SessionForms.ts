import type { Request, Response } from 'express';
import type { ValidationException } from '../../Exceptions/ValidationException.js';
import { RefusedForms } from '../../Http/Errors/RefusedForms.js';
import { opensPage } from '../../Http/opensPage.js';
import { ownReferer } from '../../Http/ownReferer.js';
import { ownPath } from '../../Support/ownPath.js';
import { willPersist } from '../Request/reachability.js';
import { sessionOf } from '../Request/requestSessions.js';
import { ERRORS, fittingErrors, fittingInput, INPUT } from './flashedForm.js';

/** Refused forms, whose errors and input the session carries to the next page. */
export class SessionForms extends RefusedForms {
    public sendBack(error: ValidationException, request: Request, response: Response): boolean {
        const page = isForm(request) ? (error.back ?? ownReferer(request)) : undefined;
        const path = page === undefined ? undefined : ownPath(page);
        const session = sessionOf(request);
        if (path === undefined || !session || !willPersist(session)) {
            return false;
        }
        // Also without a cookie: a visitor's first form comes without one, and can't be told from that of who refuses cookies.
        const object = session.current();
        session.flash.put(object, ERRORS, fittingErrors(error.errors));
        session.flash.put(object, INPUT, fittingInput(request.body, error.isSecret));
        response.redirect(303, path);
        return true;
    }
}

/** What a posted form is, or becomes by its field `_method`. A GET is none: it could be sent back to itself, for ever. */
const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE'];

function isForm(request: Request): boolean {
    return METHODS.includes(request.method) && opensPage(request);
}
