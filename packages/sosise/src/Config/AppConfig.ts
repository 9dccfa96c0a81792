import type { ConfigDefinition } from './ConfigRepository.js';
import type { ConfigInput } from './define.js';
import { object, string } from './rules.js';

/** What `src/config/app.ts` holds, besides any settings of your own. */
export interface AppConfig {
    /** What the application is called in the banner. Default: the name in sosise.json. */
    name: string;
}

/** Completion for `src/config/app.ts`, where keys of your own are welcome. */
export function defineAppConfig<T extends ConfigInput<AppConfig>>(config: T): T {
    return config;
}

export const appConfig: ConfigDefinition<AppConfig> = {
    file: 'app',
    defaults: (environment) => ({ name: environment.manifest.name }),
    rules: object({ name: string({ minLength: 1 }) }, { open: true }),
};
