import type { RequestHandler } from 'express';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { belongsTo } from './applicationOf.js';
import { hearErrors } from './hearErrors.js';

/** What comes before all else: whose request it is, and where errors of its answer are reported. */
export function arrival(app: ApplicationKernel): RequestHandler {
    const hear = hearErrors(app);

    return function arrival(request, response, next) {
        belongsTo(request, app);
        hear(response);
        next();
    };
}
