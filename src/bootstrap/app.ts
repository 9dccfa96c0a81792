import { ApplicationKernel, ConfigOverrides, loadEnvironment } from 'sosise';

/** Makes the application, not yet booted. `overrides` are laid over the config files, by file name and key. */
export async function createApplication(overrides: ConfigOverrides = {}): Promise<ApplicationKernel> {
    // Before everything else is imported: config files, and your code, may read the environment.
    const environment = loadEnvironment(import.meta.url);

    return new ApplicationKernel({
        environment,
        providers: (await import('./providers.js')).default,
        // A new file in src/config needs a line here.
        config: {
            app: (await import('../config/app.js')).default,
            http: (await import('../config/http.js')).default,
            logging: (await import('../config/logging.js')).default,
            session: (await import('../config/session.js')).default,
        },
        overrides,
    });
}
