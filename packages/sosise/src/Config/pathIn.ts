import { join, relative, sep } from 'node:path';
import { Exception } from '../Exceptions/Exception.js';
import { show } from '../Support/show.js';
import type { Environment, PathName } from './Environment.js';

/**
 * An absolute path in the application's folder, or in one that sosise.json names: `'storage', 'todo'`. Throws where later
 * names lead out of the first, as a visitor's `../../.env` would.
 */
export function pathIn({ root, manifest: { paths } }: Environment, names: readonly string[]): string {
    const [first = '.', ...others] = names;
    const named = Object.hasOwn(paths, first) ? paths[first as PathName] : undefined;
    const folder = named ?? join(root, first);
    const path = join(folder, ...others);
    const isWithin = (named !== undefined || isIn(root, folder)) && isIn(folder, path) && !path.includes('\0');
    if (!isWithin) {
        throw new Exception(`${show(names.join('/'))} leads out of the folder that it begins with.`, {
            status: 400,
            errorCode: 'E_PATH_OUTSIDE',
        });
    }
    return path;
}

function isIn(folder: string, path: string): boolean {
    const steps = relative(folder, path).split(sep);
    return steps[0] !== '..' && join(folder, ...steps) === join(path);
}
