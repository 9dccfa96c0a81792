import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearest } from '../Support/nearest.js';

/** Node.js names the import and its file by itself. */
const WELL_SAID = [
    'ERR_PACKAGE_PATH_NOT_EXPORTED',
    'ERR_PACKAGE_IMPORT_NOT_DEFINED',
    'ERR_UNSUPPORTED_ESM_URL_SCHEME',
    'ERR_UNSUPPORTED_DIR_IMPORT',
    'ERR_UNKNOWN_BUILTIN_MODULE',
];

/** What is said of an import that can't be done, with its fix. Undefined: the error is of another kind. */
export function importFailure(error: unknown): string | undefined {
    const { code, message, stack } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
    const text = String(message);
    const [, wanted = '', importer = ''] = /^\D*? '([^']+)'.*? imported from (.+)$/s.exec(text) ?? [];
    if (code === 'ERR_MODULE_NOT_FOUND' && importer !== '') {
        return text.startsWith('Cannot find package') ? ofPackage(wanted, importer) : ofFile(wanted, importer);
    }
    if (code === 'MODULE_NOT_FOUND') {
        const [, required = ''] = /^Cannot find module '([^']+)'/.exec(text) ?? [];
        const [from] = (error as { requireStack?: string[] }).requireStack ?? [];
        return from && ofRequire(required, from);
    }
    if (WELL_SAID.includes(String(code))) {
        return `${text}: correct the import.`;
    }
    // Node.js names the import, and its file and line in front of the stack.
    const [, file, line] = (/^The requested module /.test(text) && /^(.+):(\d+)\n/.exec(String(stack))) || [];
    return file && `${relativeName(file)}:${line}: ${text}: correct the import.`;
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
    const near = nearest(name, listed);
    if (listed.includes(name)) {
        return `${relativeName(importer)} needs ${name}, which package.json names and which is not installed: npm install`;
    }
    return `${relativeName(importer)} needs ${name}, which is not installed: ${near ? `did you mean ${near}? Otherwise ` : ''}npm install --save-prod ${name}`;
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
    const folder = dirname(pathOf(wanted));
    const beside = existsSync(folder) ? readdirSync(folder) : [];
    const nameOf = (file: string) => basename(file).replace(/\.[cm]?[jt]sx?$/, '');
    const near = nearest(nameOf(wanted), beside.map(nameOf));
    const meant = beside.find((file) => nameOf(file) === near);
    const hint = meant ? `did you mean ${specifier(importer, join(folder, meant))}?` : 'correct the path.';
    return `${relativeName(importer)} imports ${specifier(importer, wanted)}, and there is no such file: ${hint}`;
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
