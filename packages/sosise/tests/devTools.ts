import { existsSync } from 'node:fs';
import type { ApplicationKernel, ServiceProviderClass } from 'sosise';
import type { ErrorPage } from './helpers/inside/Http/Errors.js';

export interface DevTools {
    readonly provider: ServiceProviderClass;
    readonly ErrorPage: new (app: ApplicationKernel) => ErrorPage;
    readonly hideSecrets: (text: string, variables?: NodeJS.ProcessEnv) => string;
}

const folder = new URL('../src/DevTools/', import.meta.url);

/** The folder may be deleted: nothing here names its files in a way that the compiler follows. */
async function load(): Promise<DevTools> {
    const [provider, page, secrets] = await Promise.all(
        ['DevToolsServiceProvider.ts', 'ErrorPage/DevelopmentErrorPage.ts', 'ErrorPage/hideSecrets.ts'].map(
            (name) => import(new URL(name, folder).pathname),
        ),
    );
    return {
        provider: provider.DevToolsServiceProvider,
        ErrorPage: page.DevelopmentErrorPage,
        hideSecrets: secrets.hideSecrets,
    };
}

/** What helps while one develops; undefined once it was deleted, and then its tests are left out. */
export const devTools: DevTools | undefined = existsSync(folder) ? await load() : undefined;

export const developmentProviders: ServiceProviderClass[] = devTools ? [devTools.provider] : [];
