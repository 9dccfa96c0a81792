import type { RequestHandler } from 'express';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { belongsTo } from './applicationOf.js';
import { hearErrors } from './hearErrors.js';
import { untrustedProxy } from './untrustedProxy.js';

/** What comes before all else: whose request it is, where errors of its answer are reported, and who sent it on. */
export function arrival(app: ApplicationKernel): RequestHandler {
    const hear = hearErrors(app);
    let look = untrustedProxy(app);

    return function arrival(request, response, next) {
        belongsTo(request, app);
        hear(response);
        if (look?.(request)) {
            look = undefined; // once is enough
        }
        next();
    };
}
