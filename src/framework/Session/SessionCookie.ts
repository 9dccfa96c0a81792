import { parse, serialize } from 'cookie';
import { sign, unsign } from 'cookie-signature';
import type { Request } from 'express';
import type { Cookie } from 'express-session';
import { MAX_COOKIE_BYTES } from './SessionConfig.js';
import { UnstorableSessionError } from './SessionErrors.js';
import { VerifiedCookies } from './VerifiedCookies.js';

export interface SessionCookieOptions {
    name: string;
    /** The first signs, all verify. */
    secrets: readonly string[];
    /** express-session's `proxy`: whether X-Forwarded-Proto is believed; undefined follows Express's `trust proxy`. */
    proxy: boolean | undefined;
}

/** Reads and writes the signed cookie that carries a session's id, in express-session's format. */
export class SessionCookie {
    private readonly verified = new VerifiedCookies();

    public constructor(private readonly options: SessionCookieOptions) {}

    /** Whether a request carries the cookie, whatever its value. */
    public isCarriedBy(request: Request): boolean {
        return this.valueIn(request) !== undefined;
    }

    /** The id in the request's cookie, or undefined where there is none that one of the secrets signed. */
    public read(request: Request): string | undefined {
        const { secrets } = this.options;
        const value = this.valueIn(request);
        if (!value?.startsWith('s:')) {
            return undefined;
        }
        const known = this.verified.idOf(value);
        if (known !== undefined) {
            return known;
        }
        for (const secret of secrets) {
            const id = unsign(value.slice(2), secret);
            if (id !== false && id !== '') {
                this.verified.remember(value, id);
                return id;
            }
        }
        return undefined;
    }

    private valueIn(request: Request): string | undefined {
        const header = request.headers.cookie;
        const { name } = this.options;
        if (!header?.includes(name)) {
            return undefined;
        }
        const cookies = parse(header);
        return Object.hasOwn(cookies, name) ? cookies[name] : undefined;
    }

    /** The Set-Cookie value that gives the browser this session, which lasts until `end` (ms since the epoch) at most. */
    public issue(id: string, cookie: Cookie, end: number): string {
        const { expires, ...others } = attributes(cookie);
        const text = serialize(this.options.name, `s:${sign(id, this.options.secrets[0] as string)}`, {
            ...others,
            ...(expires && { expires: expires.getTime() > end ? new Date(end) : expires }),
        });
        if (text.length > MAX_COOKIE_BYTES) {
            throw new UnstorableSessionError(
                `The session cookie is ${text.length} bytes, and browsers drop those above ${MAX_COOKIE_BYTES}: shorten its path or its name.`,
            );
        }
        return text;
    }

    /** The Set-Cookie value that takes the cookie away; browsers want the attributes it was set with. */
    public clear(cookie: Cookie): string {
        return serialize(this.options.name, '', { ...attributes(cookie), expires: new Date(1) });
    }

    /** Whether the request came over HTTPS, as express-session sees it. */
    public isSecure(request: Request): boolean {
        if ((request.socket as { encrypted?: boolean }).encrypted) {
            return true;
        }
        if (this.options.proxy !== true) {
            return this.options.proxy !== false && request.secure;
        }
        const forwarded = request.headers['x-forwarded-proto'];
        return (
            String(forwarded ?? '')
                .split(',')[0]
                ?.trim()
                .toLowerCase() === 'https'
        );
    }
}

type Attributes = NonNullable<Parameters<typeof serialize>[2]>;

function attributes(cookie: Cookie): Attributes {
    return (cookie as unknown as { data: Attributes }).data;
}
