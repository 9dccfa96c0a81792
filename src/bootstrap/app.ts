import { ApplicationKernel, ConfigOverrides, loadEnvironment } from 'sosise';

/** Creates the application without booting it. `overrides` win over the config files, by file name and key. */
export async function createApplication(overrides: ConfigOverrides = {}): Promise<ApplicationKernel> {
    // First of all: config files and your code may read the environment when they are imported.
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
