import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';

/**
 * Whether production was told to do without https: for cookies, and so for all else that would send browsers there. Only
 * the config says it. What a request looks like does not count: behind a proxy, all look like plain http until `trustProxy`
 * is set.
 */
export function letsPlainHttpIn(app: ApplicationKernel): boolean {
    const session = app.config.find<{ cookie?: { secure?: boolean | 'auto' } }>('session');
    return app.environment.isProduction && session?.cookie?.secure === false;
}
