/** What is no file: `postgres://…` is a server, and other schemes are nobody's. A drive of Windows has one letter. */
const SCHEME = /^[a-z][a-z0-9+.-]+:/i;

/** The file that a `url` of the database driver names: a path, or `sqlite:` and `file:` with one. Undefined where it names none. */
export function sqlitePathOf(url: unknown): string | undefined {
    if (typeof url !== 'string') {
        return undefined;
    }
    const [, path = url] = /^(?:sqlite|file):(?:\/\/(?=\/|[^/]))?(.*)$/i.exec(url) ?? [];
    return path === '' || SCHEME.test(path) || path.startsWith(':') ? undefined : path;
}

export function isPostgresUrl(url: string): boolean {
    return /^postgres(?:ql)?:\/\//i.test(url) && URL.canParse(url);
}
