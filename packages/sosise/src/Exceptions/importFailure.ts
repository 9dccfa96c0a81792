import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearest } from '../Support/nearest.js';

/** What is said of an import that can't be done, with its fix. Undefined: the error is of another kind. */
export function importFailure(error: unknown): string | undefined {
    const { code, message, stack } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
    const text = String(message);
    const [, wanted = '', importer = ''] = /^\D*? '([^']+)'.*? imported from (.+)$/s.exec(text) ?? [];
    if (code === 'ERR_MODULE_NOT_FOUND' && importer !== '') {
        return text.startsWith('Cannot find package') ? ofPackage(wanted, importer) : ofFile(wanted, importer);
    }
    if (code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') {
        const [, path = '', folder = '', from = ''] =
            /subpath '\.\/(.+?)'.* in (.+)[\\/]package\.json imported from (.+)$/.exec(text) ?? [];
        const name = folder.split(/[\\/]node_modules[\\/]/).at(-1);
        return from && `${relativeName(from)} imports ${name}/${path}, which the package ${name} does not export.`;
    }
    if (code === 'MODULE_NOT_FOUND') {
        const [, required = ''] = /^Cannot find module '([^']+)'/.exec(text) ?? [];
        const [from] = (error as { requireStack?: string[] }).requireStack ?? [];
        return from && ofRequire(required, from);
    }
    if (code === 'ERR_PACKAGE_IMPORT_NOT_DEFINED') {
        const [, name, from = ''] = /specifier "(.+?)" is not defined.* imported from (.+)$/.exec(text) ?? [];
        return from && `${relativeName(from)} imports ${name}, which "imports" in package.json does not name.`;
    }
    if (code === 'ERR_UNSUPPORTED_ESM_URL_SCHEME') {
        return `${text}. Import files by relative paths, and packages by their names.`;
    }
    if (code === 'ERR_UNSUPPORTED_DIR_IMPORT' || code === 'ERR_UNKNOWN_BUILTIN_MODULE') {
        return `${text}: correct the import.`;
    }
    const [, from, name = ''] =
        /^The requested module '(.+)' does not provide an export named '(.+)'$/.exec(text) ?? [];
    return from === undefined ? undefined : ofExport(from, name, String(stack).split('\n')[0] ?? '');
}

function ofRequire(wanted: string, from: string): string {
    return /^\.|^[\\/]|^[a-z]:/i.test(wanted)
        ? `${relativeName(from)} requires ${wanted}, and there is no such file: correct the path.`
        : ofPackage(wanted, from);
}

function ofPackage(wanted: string, importer: string): string {
    const name = wanted
        .split('/')
        .slice(0, wanted.startsWith('@') ? 2 : 1)
        .join('/');
    const listed = packagesFor(importer);
    const own = ownFile(name, importer);
    const near = own ? `${specifier(importer, own)}${/\.ts$/.test(own) ? '' : '/…'}` : nearest(name, listed);
    if (listed.includes(name)) {
        return `${relativeName(importer)} needs ${name}, which package.json names and which is not installed: npm install`;
    }
    return `${relativeName(importer)} needs ${name}, which is not installed: ${near ? `did you mean ${near}? Otherwise ` : ''}npm install --save-prod ${name}`;
}

/** What an import without ./ or ../ may mean: a file or folder beside it, or one of the sources, as with aliases of other tools. */
function ownFile(name: string, importer: string): string | undefined {
    const file = pathOf(importer);
    const [, sources = dirname(file)] = /^(.*?[\\/](?:src|build))[\\/]/.exec(file) ?? [];
    const bare = name.replace(/^[@~]\//, '').replace(/\.js$/, '');
    const places = file.includes('node_modules') ? [] : [dirname(file), sources].map((folder) => join(folder, bare));
    return places.flatMap((place) => [`${place}.ts`, place]).find((place) => existsSync(place));
}

/** The packages that the application's package.json names, also where one of its packages lacks another. */
function packagesFor(importer: string): string[] {
    const [own = ''] = pathOf(importer).split(/[\\/]node_modules[\\/]/);
    for (let folder = own; folder !== dirname(folder); folder = dirname(folder)) {
        const text = read(join(folder, 'package.json'));
        if (text !== undefined) {
            const { dependencies, devDependencies } = JSON.parse(text) as Record<string, object | undefined>;
            return Object.keys({ ...dependencies, ...devDependencies });
        }
    }
    return [];
}

function ofFile(wanted: string, importer: string): string {
    const meant = fileMeantBy(pathOf(wanted), pathOf(importer));
    const hint = meant ? `did you mean ${specifier(importer, meant)}?` : 'correct the path.';
    return `${relativeName(importer)} imports ${specifier(importer, wanted)}, and there is no such file: ${hint}`;
}

/** One beside it with nearly this name, or one of this name elsewhere in the sources. */
function fileMeantBy(wanted: string, importer: string): string | undefined {
    const nameOf = (file: string) => basename(file).replace(/\.[cm]?[jt]sx?$/, '');
    const [, sources = dirname(importer)] = /^(.*?[\\/](?:src|build))[\\/]/.exec(importer) ?? [];
    const files = entriesIn(sources).filter((file) => file !== importer && /\.[cm]?[jt]sx?$/.test(file));
    const beside = files.filter((file) => dirname(file) === dirname(wanted));
    const near = nearest(nameOf(wanted), beside.map(nameOf));
    return beside.find((file) => nameOf(file) === near) ?? files.find((file) => nameOf(file) === nameOf(wanted));
}

function entriesIn(folder: string): string[] {
    try {
        return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
    } catch {
        return [];
    }
}

/** @param place The first line of the stack: Node.js puts the file and the line of the import there. */
function ofExport(from: string, name: string, place: string): string {
    const [, file = '', line] = /^(.+):(\d+)$/.exec(place) ?? [];
    const importer = pathOf(file);
    const source = from.startsWith('.') && file ? join(dirname(importer), from) : ofPackageNamed(from, importer);
    const text = source && (read(source.replace(/\.([cm]?)js$/, '.$1ts')) ?? read(source));
    const near = nearest(
        name,
        (text?.match(/[\w$]+/g) ?? []).filter((word) => word !== name),
    );
    const who = file ? `${relativeName(file)}:${line}` : 'A file';
    const what =
        name === 'default'
            ? `the default of ${from}, which has none: write import { … } from '${from}'.`
            : `${name} from ${from}, which does not export it`;
    return name === 'default'
        ? `${who} imports ${what}`
        : `${who} imports ${what}${near ? `: did you mean ${near}?` : '.'}`;
}

/** The file that an import of a package leads to. */
function ofPackageNamed(name: string, importer: string): string | undefined {
    try {
        return createRequire(importer).resolve(name);
    } catch {
        return undefined;
    }
}

/** A file as an import names it. */
function specifier(importer: string, file: string): string {
    const path = relative(dirname(pathOf(importer)), pathOf(file))
        .split(sep)
        .join('/')
        .replace(/\.([cm]?)tsx?$/, '.$1js');
    return path.startsWith('.') ? path : `./${path}`;
}

function relativeName(file: string): string {
    return relative('', pathOf(file));
}

function pathOf(file: string): string {
    return file.startsWith('file:') ? fileURLToPath(file) : file;
}

function read(file: string): string | undefined {
    try {
        return readFileSync(file, 'utf8');
    } catch {
        return undefined;
    }
}
