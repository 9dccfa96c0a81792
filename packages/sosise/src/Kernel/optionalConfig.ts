import type { ApplicationKernel } from './ApplicationKernel.js';

/** A config file's values; undefined where the part of the framework that reads it was left out. */
export function optionalConfig<T>(app: ApplicationKernel, file: string): T | undefined {
    try {
        return app.config.get<T>(file);
    } catch {
        return undefined;
    }
}
