/**
 * The path and query of a request's target. Clients may name the server in it, as they do to proxies; Express passes by
 * every stage where that name is malformed (`http://[::1/`).
 */
export function originForm(target: string): string {
    if (target.startsWith('/') || target === '*') {
        return target;
    }
    const path = target.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '');
    return path.startsWith('/') ? path : `/${path}`;
}
