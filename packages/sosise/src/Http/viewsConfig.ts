import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve, sep } from 'node:path';
import type { Place } from '../Config/Place.js';
import { anyOf, object, oneOf, optional, type Rule, string } from '../Config/rules.js';

/** What Express calls with a template: `app.engine()` takes the same. */
export type ViewEngine = (
    path: string,
    data: object,
    done: (error: unknown, text?: string | undefined) => void,
) => unknown;

/** What `response.render()` makes pages of. */
export interface ViewsConfig {
    /** A package with an engine for Express, such as `ejs`, `pug` or `hbs`; or the engine itself, a function. */
    engine: string | ViewEngine;
    /** What names of templates end in. Default: the name of the engine. */
    extension?: string | undefined;
    /** The folder of the templates, from the application's folder. Default: `views`. */
    folder?: string | undefined;
}

/** The absolute folder of the templates, and of the error pages in it. */
export function viewsFolder(root: string, views: false | ViewsConfig | undefined): string {
    return resolve(root, (views || undefined)?.folder ?? 'views');
}

/** The files from which a package is looked for: the application's, then the framework's. */
export function requiringFiles(root: string): string[] {
    return [join(root, 'package.json'), import.meta.url];
}

const PACKAGE = /^(?:@[\w.-]+\/)?[a-z\d][\w.-]*$/i;

const shape: Rule = object({
    engine: engine,
    extension: optional(string({ pattern: /^\.?[\w-]+$/, allowed: 'endings of file names, such as "ejs"' })),
    folder: optional(folder),
});

export const viewsRule: Rule = anyOf(oneOf(false), (value, at) => {
    shape(value, at);
    const { engine, extension, folder: given } = (value ?? {}) as Partial<ViewsConfig>;
    if (extension === undefined && (typeof engine === 'function' || String(engine).startsWith('@'))) {
        at.key('extension').problem(extension, 'endings of file names, such as "html"');
    }
    if (given === undefined && engine !== undefined) {
        folder('views', at.key('folder'));
    }
});

function engine(value: unknown, at: Place): void {
    if (typeof value === 'function') {
        return;
    }
    if (typeof value !== 'string' || !PACKAGE.test(value)) {
        at.problem(value, 'names of packages such as "ejs", functions (path, data, done)');
    } else if (!isInstalled(value, at.environment.root)) {
        at.say(`is "${value}", a package that is not installed: run npm install ${value} --save-prod`);
    }
}

function isInstalled(name: string, root: string): boolean {
    return requiringFiles(root).some((file) => {
        try {
            return createRequire(file).resolve(name) !== '';
        } catch (error) {
            return (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND'; // it is only for import
        }
    });
}

function folder(value: unknown, at: Place): void {
    if (typeof value !== 'string' || value === '') {
        at.problem(value, 'folders, from the application\'s own, such as "views"');
        return;
    }
    const { root } = at.environment;
    const path = resolve(root, value);
    if (path === join(root, 'src') || path.startsWith(join(root, 'src') + sep)) {
        at.say(`is "${value}", and a build takes only code out of src: use a folder beside it, such as "views"`);
    } else if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
        at.say(
            `is "${value}", and there is no such folder in ${root}: create it, and copy it to servers as public/ is`,
        );
    }
}
