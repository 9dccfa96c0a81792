import type { Request } from 'express';
import { ConfigError } from '../Exceptions/errors.js';
import { ApplicationKernel } from '../Kernel/ApplicationKernel.js';

/** The Express setting that carries the kernel, for requests that pass no stage, such as those of WebSockets. */
export const KERNEL_SETTING = 'application kernel';
const KERNEL = Symbol('application of this request');

type Carrier = Request & { [KERNEL]?: ApplicationKernel };

/** Notes the application on a request, as others that a router mounts put settings of theirs under it. */
export function belongsTo(request: Request, kernel: ApplicationKernel): void {
    (request as Carrier)[KERNEL] = kernel;
}

/** The application that a request belongs to. */
export function applicationOf(request: Request): ApplicationKernel {
    const kernel: unknown = (request as Carrier)[KERNEL] ?? request.app?.get(KERNEL_SETTING);
    if (!(kernel instanceof ApplicationKernel)) {
        throw new ConfigError(
            'This request does not come from HttpServer: action() and middleware() need its pipeline.',
            { errorCode: 'E_REQUEST_FOREIGN' },
        );
    }
    return kernel;
}
