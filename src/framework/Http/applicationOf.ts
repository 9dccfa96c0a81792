import type { Request } from 'express';
import { ApplicationKernel } from '../ApplicationKernel.js';
import { ConfigError } from '../Exceptions/errors.js';

/** The Express setting that carries the kernel. Express hands settings on to applications mounted in the pipeline. */
export const KERNEL_SETTING = 'application kernel';

/** The application that a request belongs to. */
export function applicationOf(request: Request): ApplicationKernel {
    const kernel: unknown = request.app?.get(KERNEL_SETTING);
    if (!(kernel instanceof ApplicationKernel)) {
        throw new ConfigError(
            'This request does not come from HttpServer: action() and middleware() need its pipeline.',
        );
    }
    return kernel;
}
