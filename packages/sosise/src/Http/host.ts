import { type NextFunction, type Request, type RequestHandler, type Response, Router } from 'express';
import { ConfigError } from '../Exceptions/errors.js';

/** As browsers write it: lower case, and without a port. */
const NAME = /^[a-z\d](?:[a-z\d.-]*[a-z\d])?$|^\[[\da-f:.]+\]$/;

/**
 * Handlers for one host name only: `router.use(host('admin.example.com', admin))`. Any client may name any host, so it tells
 * sites apart and protects none: that is for what the routes ask for themselves.
 */
export function host(name: string, ...handlers: readonly RequestHandler[]): Router {
    if (!NAME.test(name)) {
        throw new ConfigError(
            `host('${name}') names no host: write a name in lower case without scheme and port, such as 'admin.example.com'.`,
        );
    }
    const guard = (request: Request, _response: Response, next: NextFunction): void => {
        // `X-Forwarded-Host` counts where a trusted proxy sends it (trustProxy). A dot may end a name.
        const asked = request.hostname?.toLowerCase().replace(/\.$/, '');
        next(asked === name ? undefined : 'router');
    };
    // The name is what route:list shows.
    return Router().use(Object.defineProperty(guard, 'name', { value: `host ${name}` }), ...handlers);
}
