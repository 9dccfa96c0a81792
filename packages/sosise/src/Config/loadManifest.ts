import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { ConfigError } from '../Exceptions/errors.js';
import { isPlainObject } from '../Support/isPlainObject.js';
import { show } from '../Support/show.js';
import type { Manifest, PathName } from './Environment.js';
import { Place, summary } from './Place.js';
import { object, optional, type Rule, string } from './rules.js';

const FILE = 'sosise.json';
const VERSION = 1;

/** Where things are when sosise.json doesn't say. Logs and sessions follow `storage`. */
const DEFAULT_PATHS = {
    storage: 'storage',
    logs: 'storage/logs',
    sessions: 'storage/sessions',
    public: 'public',
    controllers: 'src/app/Http/Controllers',
    middlewares: 'src/app/Http/Middlewares',
    providers: 'src/app/Providers',
    exceptions: 'src/app/Exceptions',
    services: 'src/app/Services',
    commands: 'src/app/Console/Commands',
    sessionDrivers: 'src/app/Session',
} as const satisfies Record<PathName, string>;

/** Finds sosise.json in a folder or above it, and validates it. Throws a ConfigError that names the fix. */
export function loadManifest(folder: string): Manifest {
    const file = findUpwards(folder);
    const root = dirname(file);
    const content = parse(file);
    // First of all: a later version may know other keys.
    if (content['manifest'] !== VERSION) {
        throw new ConfigError(versionProblem(content['manifest']), { errorCode: 'E_MANIFEST_INVALID' });
    }
    const at = new Place(FILE);
    rules(root)(content, at);
    if (at.problems.length > 0) {
        throw new ConfigError(summary(at.problems.map((problem) => problem.line)), { errorCode: 'E_MANIFEST_INVALID' });
    }
    const given = (content['paths'] ?? {}) as Partial<Record<PathName, string>>;
    return Object.freeze({
        file,
        version: VERSION,
        name: content['name'] as string,
        paths: Object.freeze(absolutePaths(root, given)),
    });
}

function findUpwards(folder: string): string {
    for (let current = folder; ; current = dirname(current)) {
        const file = join(current, FILE);
        if (existsSync(file)) {
            return file;
        }
        if (current === dirname(current)) {
            throw new ConfigError(
                `${FILE} is neither in ${folder} nor in a folder above it: put one beside package.json, with { "manifest": ${VERSION}, "name": "my-app" } in it.`,
                { errorCode: 'E_MANIFEST_MISSING' },
            );
        }
    }
}

function parse(file: string): Record<string, unknown> {
    let text: string;
    try {
        text = readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
    } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        throw new ConfigError(`${file} can't be read (${code}): it must be a file that this user may read.`, {
            errorCode: 'E_MANIFEST_INVALID',
            cause,
        });
    }
    let content: unknown;
    try {
        content = JSON.parse(text);
    } catch (cause) {
        throw new ConfigError(
            `${file} is not valid JSON (${(cause as Error).message}): use double quotes, no comments and no trailing commas.`,
            { errorCode: 'E_MANIFEST_INVALID', cause },
        );
    }
    if (!isPlainObject(content)) {
        throw new ConfigError(`${file} holds ${show(content)}: write a JSON object, { "manifest": ${VERSION}, … }.`, {
            errorCode: 'E_MANIFEST_INVALID',
        });
    }
    return content;
}

function versionProblem(version: unknown): string {
    return version === undefined
        ? `${FILE}: manifest is missing: add "manifest": ${VERSION}, the version of the file's format.`
        : `${FILE}: manifest is ${show(version)}, a version that this framework does not know: use ${VERSION}, or update sosise.`;
}

function rules(root: string): Rule {
    const names = Object.keys(DEFAULT_PATHS) as PathName[];
    return object({
        $schema: optional(string()),
        manifest: () => {},
        name: string({ minLength: 1 }),
        paths: optional(object(Object.fromEntries(names.map((name) => [name, optional(folderInside(root, name))])))),
    });
}

function folderInside(root: string, name: PathName): Rule {
    return (value, at) => {
        if (typeof value !== 'string' || value === '') {
            at.problem(value, 'folders inside the project, as strings');
            return;
        }
        const path = relative(root, resolve(root, value));
        const example = `use a folder inside it, such as "${DEFAULT_PATHS[name]}"`;
        if (path === '') {
            at.say(`is ${show(value)}, the project's own folder: ${example}`);
        } else if (path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path)) {
            at.say(`is ${show(value)}, outside the project's folder: ${example}`);
        }
    };
}

function absolutePaths(root: string, given: Partial<Record<PathName, string>>): Record<PathName, string> {
    const storage = given.storage ?? DEFAULT_PATHS.storage;
    const paths = { ...DEFAULT_PATHS, logs: `${storage}/logs`, sessions: `${storage}/sessions`, ...given };
    const entries = Object.entries(paths).map(([name, path]) => [name, resolve(root, path)]);
    return Object.fromEntries(entries) as Record<PathName, string>;
}
