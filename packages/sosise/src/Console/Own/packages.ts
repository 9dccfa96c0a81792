import { PACKAGE, TYPES } from './frameworkFiles.js';

/** The parts of a package.json that are looked at here. */
export interface PackageJson {
    name?: string;
    version?: string;
    description?: string;
    workspaces?: unknown;
    scripts?: Record<string, string>;
    dependencies?: Record<string, string>;
    devDependencies?: Record<string, string>;
    [key: string]: unknown;
}

/** Scripts that run the framework's tests, its benchmarks or the example. */
const OF_CLONE = /--workspace sosise\b|\bexample\/server\.ts\b/;
const TYPECHECK = ` && tsc -p ${PACKAGE}`;

export interface Owned {
    readonly name: string;
    /** The clone's own description, which says nothing of an application. */
    readonly description: string | undefined;
    /** The packed framework; undefined where its sources are kept. */
    readonly packed: string | undefined;
    /** Whether other packages of the user's are in `packages`. */
    readonly hasWorkspaces: boolean;
}

/** The scripts that only a clone has. */
export function scriptsOfClone({ scripts = {} }: PackageJson): string[] {
    return Object.keys(scripts).filter((name) => OF_CLONE.test(scripts[name] ?? ''));
}

/** The application's package.json. */
export function ownPackage(current: PackageJson, { name, description, packed, hasWorkspaces }: Owned): PackageJson {
    const { workspaces, ...manifest } = current;
    const left = Object.entries(current.scripts ?? {}).filter(([name]) => !scriptsOfClone(current).includes(name));
    const scripts = Object.fromEntries(left.map(([name, line]) => [name, packed ? line.replace(TYPECHECK, '') : line]));
    const own: PackageJson = packed && !hasWorkspaces ? manifest : { ...current };
    if (own.description === description) {
        delete own.description;
    }
    const dependencies = { ...own.dependencies, ...(packed && { sosise: `file:${packed}` }) };
    return { ...own, name, scripts, dependencies };
}

/** The framework's package.json, without what its tests need. */
export function packageWithoutTests(current: PackageJson): PackageJson {
    const only = (from: Record<string, string> = {}, names: readonly string[]) =>
        Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
    return {
        ...current,
        scripts: only(current.scripts, ['prepack', 'postpack', 'typecheck']),
        devDependencies: only(current.devDependencies, TYPES),
    };
}

/** JSON as it was written before: with the same indentation. */
export function jsonLike(before: string, value: unknown): string {
    const [, indentation = '    '] = /^([ \t]+)"/m.exec(before) ?? [];
    return `${JSON.stringify(value, undefined, indentation)}\n`;
}
