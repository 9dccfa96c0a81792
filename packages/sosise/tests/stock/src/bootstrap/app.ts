import { ApplicationKernel, ConfigOverrides, loadConfig, loadEnvironment } from 'sosise';

/** Creates the application without booting it. `overrides` win over the config files, by file name and key. */
export async function createApplication(overrides: ConfigOverrides = {}): Promise<ApplicationKernel> {
    // First of all: config files and your code may read the environment when they are imported.
    const environment = loadEnvironment(import.meta.url);

    return new ApplicationKernel({
        environment,
        providers: (await import('./providers.js')).default,
        // All files of src/config, each by its name. They are imported here, by what has loaded this file.
        config: await loadConfig(import.meta.url, (file) => import(file)),
        overrides,
    });
}
