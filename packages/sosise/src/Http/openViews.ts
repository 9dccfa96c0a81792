import { createRequire } from 'node:module';
import { ConfigError } from '../Exceptions/errors.js';
import type { ExpressSettings } from './HttpPipeline.js';
import { requiringFiles, type ViewEngine, type ViewsConfig, viewsFolder } from './viewsConfig.js';

/** Makes `response.render()` work: loads the engine, and says to Express where the templates are. */
export async function openViews(views: ViewsConfig, root: string, express: ExpressSettings): Promise<void> {
    const { engine, extension = String(engine) } = views;
    const run = typeof engine === 'function' ? engine : await engineOf(engine, root);
    const name = extension.replace(/^\./, '');
    express.engine(name, run as Parameters<ExpressSettings['engine']>[1]);
    express.set('views', viewsFolder(root, views));
    express.set('view engine', name);
}

/** What packages for Express export as `__express`. */
async function engineOf(name: string, root: string): Promise<ViewEngine> {
    const loaded = (await load(name, root)) as Exports & { default?: Exports };
    const engine = loaded.__express ?? loaded.default?.__express;
    if (typeof engine !== 'function') {
        throw new ConfigError(
            `src/config/http.ts: views.engine is "${name}", a package without an engine for Express (__express): name its own function (path, data, done) as engine, and an extension.`,
        );
    }
    return engine;
}

interface Exports {
    readonly __express?: ViewEngine;
}

/** As the application itself would, whose packages may be out of the framework's reach. */
async function load(name: string, root: string): Promise<unknown> {
    for (const file of requiringFiles(root)) {
        try {
            return createRequire(file)(name);
        } catch (error) {
            if (
                !/^(?:MODULE_NOT_FOUND|ERR_PACKAGE_PATH_NOT_EXPORTED)$/.test(String((error as { code?: unknown }).code))
            ) {
                throw error;
            }
        }
    }
    return import(name); // it is only for import
}
