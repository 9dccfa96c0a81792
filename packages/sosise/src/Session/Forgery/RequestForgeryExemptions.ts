/** A part of a path that, once decoded, makes it no other path to anybody: `..;` is `..` to some servers. */
const PLAIN_PART = /^(?!\.{1,2}(?:;|$))[^/\\%\p{Cc}]+$/u;

/**
 * The paths that are not checked for request forgery. Express routes by the path as it was sent, so that is what is
 * compared: a path with `..`, `//`, encoded slashes and the like, or in other letters, is not exempt.
 */
export class RequestForgeryExemptions {
    private readonly paths: ReadonlySet<string>;
    private readonly folders: readonly string[];

    /** @param exempt Paths such as `/webhooks/stripe`, or `/webhooks/*` for all below one. */
    public constructor(exempt: readonly string[]) {
        this.paths = new Set(exempt.filter((path) => !path.endsWith('/*')));
        this.folders = exempt.filter((path) => path.endsWith('/*')).map((path) => path.slice(0, -1));
    }

    /** @param url What the request line asked for: `request.originalUrl`. */
    public has(url: string): boolean {
        const [path = ''] = url.split('?', 1);
        const isNamed =
            this.paths.has(path) ||
            this.folders.some((folder) => path.startsWith(folder) && path.length > folder.length);
        return isNamed && isPlain(path);
    }
}

function isPlain(path: string): boolean {
    const [, ...parts] = path.replace(/\/$/, '').split('/');
    return parts.every((part) => PLAIN_PART.test(decoded(part)));
}

/** Parts that can't be decoded are not plain. */
function decoded(part: string): string {
    try {
        return decodeURIComponent(part);
    } catch {
        return '%';
    }
}
