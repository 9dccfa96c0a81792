import { serialize } from 'cookie';
import type { FormerCookie, SessionCookieConfig } from '../Config/SessionConfig.js';

/** A cookie that has to go, and the Set-Cookie line that takes it away. */
export interface EndedCookie {
    readonly name: string;
    readonly line: string;
}

/**
 * The other name whose cookies still open a session: with a domain or a path, `__Host-` becomes `__Secure-`. Browsers take a
 * `__Host-` cookie from this very host only; under any weaker name, a sibling host could plant its own session here.
 */
export function formerNameOf(name: string): string | undefined {
    return name.startsWith('__Secure-') ? name.replace('__Secure-', '__Host-') : undefined;
}

/** All that are to end, whatever their values. */
export function endedCookies(name: string, cookie: SessionCookieConfig, named: readonly FormerCookie[]): EndedCookie[] {
    const renamed = formerNameOf(name);
    return [...(renamed === undefined ? [] : [{ name: renamed }]), ...named].map((former: FormerCookie) => {
        const own = former.name ?? name;
        return { name: own, line: ending(own, former, cookie) };
    });
}

/** Browsers tell cookies apart by name, domain and path; the others say whether they take the line. */
function ending(name: string, { domain, path = '/' }: FormerCookie, { secure, sameSite }: SessionCookieConfig): string {
    const isSecure = secure === true || /^__(?:Host|Secure|Http)-/i.test(name);
    return serialize(name, '', {
        path,
        ...(domain !== undefined && { domain }),
        httpOnly: true,
        ...(isSecure && { secure: true, ...(sameSite !== undefined && sameSite !== 'auto' && { sameSite }) }),
        expires: new Date(1),
    });
}
