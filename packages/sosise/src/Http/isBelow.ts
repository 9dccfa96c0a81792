import { originForm } from './originForm.js';

/** Whether browsers send what is for a path to an address too: RFC 6265's path-match, by whole parts of the path. */
export function isBelow(url: string, folder: string): boolean {
    const [path = ''] = originForm(url).split(/[?#]/, 1);
    return (
        path.startsWith(folder) &&
        (path.length === folder.length || folder.endsWith('/') || path[folder.length] === '/')
    );
}
