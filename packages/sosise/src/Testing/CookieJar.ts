/** A cookie as a browser keeps it. */
export interface KeptCookie {
    readonly name: string;
    readonly value: string;
    readonly domain: string;
    /** Only the host that set it gets it; else its subdomains do too. */
    readonly isHostOnly: boolean;
    readonly path: string;
    readonly secure: boolean;
    readonly httpOnly: boolean;
    readonly sameSite: 'strict' | 'lax' | 'none';
    /** In ms since the epoch; undefined: until the browser closes. */
    readonly expires: number | undefined;
}

/** What a request is to the site that it goes to, as far as cookies ask. */
export interface Setting {
    /** Another site makes the browser send it. */
    readonly isCrossSite: boolean;
    /** It opens a page: a link, an address, a form. */
    readonly isNavigation: boolean;
    readonly method: string;
}

const OWN_PAGE: Setting = { isCrossSite: false, isNavigation: true, method: 'GET' };
/** Browsers drop cookies whose name and value are longer. */
const LONGEST = 4096;

/** Keeps cookies and sends them by the rules that Chrome goes by. */
export class CookieJar {
    private readonly kept = new Map<string, KeptCookie>();

    /** All cookies that still live, of all hosts. */
    public get all(): readonly KeptCookie[] {
        for (const [key, { expires }] of this.kept) {
            if (expires !== undefined && expires <= Date.now()) {
                this.kept.delete(key);
            }
        }
        return [...this.kept.values()];
    }

    public find(name: string): KeptCookie | undefined {
        return this.all.find((cookie) => cookie.name === name);
    }

    /** The value of a cookie, as it was sent. */
    public get(name: string): string | undefined {
        return this.find(name)?.value;
    }

    /** Changes the value of a cookie that is kept, as a visitor with bad intentions does. */
    public tamper(name: string, value: string): void {
        const cookie = this.find(name);
        if (!cookie) {
            throw new Error(`There is no cookie [${name}] to change. Kept: ${this.names() || 'none'}.`);
        }
        this.put({ ...cookie, value });
    }

    /** Forgets every cookie. */
    public clear(): void {
        this.kept.clear();
    }

    /** Forgets what lasts until the browser closes. */
    public endBrowserSession(): void {
        for (const [key, { expires }] of this.kept) {
            if (expires === undefined) {
                this.kept.delete(key);
            }
        }
    }

    public copy(): CookieJar {
        const copy = new CookieJar();
        for (const cookie of this.all) {
            copy.put(cookie);
        }
        return copy;
    }

    /** Takes a Set-Cookie line from the answer of an address; what browsers refuse is not kept. */
    public keep(line: string, url: URL, setting: Setting = OWN_PAGE): void {
        const cookie = parse(line, url);
        if (!cookie || !mayBeKept(cookie, line, url) || (setting.isCrossSite && !maySend(cookie, setting))) {
            return;
        }
        if (cookie.expires !== undefined && cookie.expires <= Date.now()) {
            this.kept.delete(keyOf(cookie));
        } else {
            this.put(cookie);
        }
    }

    /** The Cookie header for a request; undefined where it gets none. */
    public header(url: URL, setting: Setting = OWN_PAGE): string | undefined {
        const sent = this.all
            .filter((cookie) => isFor(cookie, url) && (!setting.isCrossSite || maySend(cookie, setting)))
            .sort((one, other) => other.path.length - one.path.length);
        return sent.length > 0 ? sent.map(({ name, value }) => `${name}=${value}`).join('; ') : undefined;
    }

    private names(): string {
        return this.all.map(({ name }) => name).join(', ');
    }

    private put(cookie: KeptCookie): void {
        this.kept.set(keyOf(cookie), cookie);
    }
}

/** Whether what travels to an address is safe from others on the way: https, and this machine itself. */
export function isTrustworthy({ protocol, hostname }: URL): boolean {
    return protocol === 'https:' || /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

function keyOf({ name, domain, path }: KeptCookie): string {
    return JSON.stringify([domain, path, name]);
}

function parse(line: string, url: URL): KeptCookie | undefined {
    const [pair = '', ...rest] = line.split(';');
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(equals, 0)).trim();
    const value = pair.slice(equals + 1).trim();
    if (name === '' || name.length + value.length > LONGEST) {
        return undefined;
    }
    const attributes = new Map(rest.map(attributeIn));
    const domain = attributes.get('domain')?.toLowerCase().replace(/^\./, '') || undefined;
    const path = attributes.get('path');
    return {
        name,
        value,
        domain: domain ?? url.hostname,
        isHostOnly: domain === undefined,
        path: path?.startsWith('/') ? path : defaultPathOf(url),
        secure: attributes.has('secure'),
        httpOnly: attributes.has('httponly'),
        sameSite: sameSiteIn(attributes.get('samesite')),
        expires: endIn(attributes),
    };
}

function attributeIn(text: string): [name: string, value: string] {
    const [name = '', ...value] = text.split('=');
    return [name.trim().toLowerCase(), value.join('=').trim()];
}

/** Max-Age counts where both are there. */
function endIn(attributes: ReadonlyMap<string, string>): number | undefined {
    const maxAge = attributes.get('max-age');
    if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) {
        return Date.now() + Number(maxAge) * 1000;
    }
    const expires = Date.parse(attributes.get('expires') ?? '');
    return Number.isNaN(expires) ? undefined : expires;
}

/** What says nothing is lax. */
function sameSiteIn(text = ''): KeptCookie['sameSite'] {
    const word = text.toLowerCase();
    return word === 'strict' || word === 'none' ? word : 'lax';
}

/** The folder of the page that set the cookie. */
function defaultPathOf({ pathname }: URL): string {
    const end = pathname.lastIndexOf('/');
    return end > 0 ? pathname.slice(0, end) : '/';
}

function mayBeKept({ name, secure, domain, isHostOnly, path, sameSite }: KeptCookie, line: string, url: URL): boolean {
    const hasPathAttribute = /;\s*path=\//i.test(line);
    return (
        isHostOf(domain, isHostOnly, url) &&
        (!secure || isTrustworthy(url)) &&
        (secure || (sameSite !== 'none' && !/^__(Secure|Host)-/i.test(name))) &&
        (!/^__Host-/i.test(name) || (isHostOnly && path === '/' && hasPathAttribute))
    );
}

function isFor({ domain, isHostOnly, path, secure }: KeptCookie, url: URL): boolean {
    const isBelow = url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
    return isBelow && isHostOf(domain, isHostOnly, url) && (!secure || isTrustworthy(url));
}

/** Numbers have no subdomains. */
function isHostOf(domain: string, isHostOnly: boolean, { hostname }: URL): boolean {
    const isBelow = !isHostOnly && !/^[\d.]+$|^\[/.test(hostname) && hostname.endsWith(`.${domain}`);
    return hostname === domain || isBelow;
}

/** Whether a cookie goes along with what another site makes the browser send. */
function maySend({ sameSite }: KeptCookie, { isNavigation, method }: Setting): boolean {
    return sameSite === 'none' || (sameSite === 'lax' && isNavigation && method === 'GET');
}
