import { ConfigError } from '../Exceptions/errors.js';
import { isPlainObject } from '../Support/isPlainObject.js';
import { nearest } from '../Support/nearest.js';
import { isStandardSchema } from '../Support/StandardSchema.js';
import { kindOf } from '../Support/show.js';
import type { Environment } from './Environment.js';
import { Place, summary } from './Place.js';
import type { Rule } from './rules.js';

/** Configurations by file name without extension: `{ app: { … }, session: { … } }`. */
export type ConfigFiles = Readonly<Record<string, unknown>>;

/** What the framework knows of one config file. */
export interface ConfigDefinition<T extends object = object> {
    /** The file's name without extension: `session` for src/config/session.ts. */
    readonly file: string;
    /** Plain data, laid under the user's file key by key. */
    readonly defaults: T | ((environment: Environment) => T);
    /** Checked on the merged result. */
    readonly rules: Rule;
}

export interface ConfigRepositoryOptions {
    environment: Environment;
    definitions: readonly ConfigDefinition[];
    /** The default exports of the config files. */
    files: ConfigFiles;
    /** Laid over the files, key by key. */
    overrides: ConfigFiles;
}

/**
 * The configuration of one application: defaults, files and overrides, merged, validated and frozen. Files without a
 * definition (your own) are merged and frozen too. Throws one ConfigError with every problem of every file.
 */
export class ConfigRepository {
    private readonly values = new Map<string, unknown>();

    public constructor(options: ConfigRepositoryOptions) {
        const { definitions, files, overrides } = options;
        const names = new Set([
            ...definitions.map((definition) => definition.file),
            ...Object.keys(files),
            ...Object.keys(overrides),
        ]);
        const problems = [...names].flatMap((name) => this.load(name, options));
        if (problems.length > 0) {
            throw new ConfigError(summary(problems));
        }
    }

    /** One file's configuration, frozen. Throws a ConfigError that names the known files when there is none. */
    public get<T = unknown>(file: string): T {
        if (!this.values.has(file)) {
            const known = this.names();
            const near = nearest(file, known);
            throw new ConfigError(
                `There is no configuration [${file}]. Known: ${known.join(', ')}.${near ? ` Did you mean [${near}]?` : ''}`,
                { errorCode: 'E_CONFIG_UNKNOWN' },
            );
        }
        return this.values.get(file) as T;
    }

    /** The same; undefined where there is none, as the part of the framework that reads it was left out. */
    public find<T>(file: string): T | undefined {
        return this.values.get(file) as T | undefined;
    }

    /** The names of all files, sorted. */
    public names(): string[] {
        return [...this.values.keys()].sort();
    }

    /** Merges and checks one file; gives the lines of its problems. */
    private load(name: string, options: ConfigRepositoryOptions): string[] {
        const { environment, files, overrides } = options;
        const path = `src/config/${name}.ts`;
        const known = [...options.definitions.map(({ file }) => file), ...Object.keys(files)];
        const meant = known.includes(name) ? undefined : nearest(name, known);
        if (meant) {
            return [`There is no config file for the override [${name}]: did you mean [${meant}]?`];
        }
        const unread = unreadFile(name, options);
        if (unread) {
            return [unread];
        }
        if (Object.hasOwn(files, name) && !isPlainObject(files[name])) {
            return [
                `${path} exports ${kindOf(files[name])} by default: write export default { … } with a plain object.`,
            ];
        }
        const definitions = [...new Set(options.definitions)].filter((definition) => definition.file === name);
        const defaults = definitions.map((definition) =>
            typeof definition.defaults === 'function' ? definition.defaults(environment) : definition.defaults,
        );
        const value = merge([...defaults, files[name], overrides[name]], path) ?? Object.freeze({});
        this.values.set(name, value);
        const at = new Place(path, environment);
        for (const definition of definitions) {
            definition.rules(value, at);
        }
        return at.problems.map((problem) => problem.line);
    }
}

/** A sentence for a file that nothing reads, where it nearly has the name of one that is not there. */
function unreadFile(name: string, { definitions, files }: ConfigRepositoryOptions): string | undefined {
    const read = definitions.map(({ file }) => file);
    const isUnread = Object.hasOwn(files, name) && !read.includes(name);
    const missing = read.filter((file) => !Object.hasOwn(files, file));
    const meant = isUnread ? nearest(name, missing) : undefined;
    return (
        meant &&
        `src/config/${name}.ts: nothing reads it, and there is no src/config/${meant}.ts: rename it to ${meant}.ts, or give it another name.`
    );
}

/**
 * Lays values over each other, the first one lowest, and gives a frozen copy. Plain objects are joined key by key,
 * everything else replaces what lies under it, undefined covers nothing. Only plain objects and arrays are
 * copied and frozen: a function, a class instance or a schema is passed on as it is.
 */
function merge(layers: readonly unknown[], file: string, path = '', above: readonly unknown[] = []): unknown {
    const given = layers.filter((layer) => layer !== undefined);
    const top = given.at(-1);
    if ((!Array.isArray(top) && !isPlainObject(top)) || isStandardSchema(top)) {
        return top;
    }
    if (given.some((layer) => above.includes(layer))) {
        throw new ConfigError(`${file}: ${path} contains itself: configuration is plain data without circles.`);
    }
    const seen = [...above, ...given];
    if (Array.isArray(top)) {
        return Object.freeze(top.map((item, index) => merge([item], file, `${path}[${index}]`, seen)));
    }
    const objects = given.slice(given.findLastIndex((layer) => !isPlainObject(layer)) + 1) as Record<string, unknown>[];
    const result: Record<string, unknown> = {};
    for (const key of new Set(objects.flatMap((object) => Object.keys(object)))) {
        // JSON.parse makes such a key an own one; assigned here, it would change the prototype.
        if (key !== '__proto__') {
            const values = objects.map((object) => (Object.hasOwn(object, key) ? object[key] : undefined));
            const value = merge(values, file, `${path && `${path}.`}${key}`, seen);
            // Left out altogether: spread over an option's default, undefined would cover it after all.
            if (value !== undefined) {
                result[key] = value;
            }
        }
    }
    return Object.freeze(result);
}
