import { serialize } from 'cookie';
import type { Request } from 'express';
import type { Cookie } from 'express-session';
import type { Secret } from '../../Config/secrets.js';
import { TwoGenerationCache } from '../../Support/TwoGenerationCache.js';
import { MAX_COOKIE_BYTES } from '../Config/SessionConfig.js';
import type { SessionEventChannels } from '../Events/channels.js';
import { LAST_COOKIE_TIME } from '../Record/CookieSettings.js';
import { keyOf, type RecordKey } from '../Record/storageKeys.js';
import { UnstorableSessionError } from '../Repository/SessionErrors.js';
import type { CookieId } from './CookieId.js';
import { CookieSigner } from './CookieSigner.js';
import { cookieValues } from './cookieValues.js';
import { type EndedCookie, formerNameOf } from './formerCookies.js';

export interface SessionCookieOptions {
    name: string;
    /** The first signs, all verify. */
    secrets: readonly Secret[];
    /** express-session's `proxy`: whether X-Forwarded-Proto is believed; undefined follows Express's `trust proxy`. */
    proxy: boolean | undefined;
    /** Cookies of earlier configs and other applications, which end when the session's is sent. */
    former?: readonly EndedCookie[];
    /** Who is told of cookies that nobody here has signed. Unset: nobody. */
    events?: SessionEventChannels;
}

/** What a request's Cookie header holds of the session. */
export interface CarriedCookies {
    /** Those that one of the secrets signed, each once, in the order to try them; none: what is there counts for nothing. */
    readonly ids: readonly CookieId[];
}

/** So many are looked up at most, that a client can't make the store work. Browsers send two or three. */
const MOST_IDS = 8;
const MOST_CACHED = 2_000;
const LONGEST_CACHED = 512;
const SIGNED = /^s:(.+)\.[^.]+$/s;

/**
 * Reads and writes the signed cookie that carries a session's id, in express-session's format. When it is sent again says
 * `Request/mustRenewCookie.ts`.
 */
export class SessionCookie {
    /**
     * A cache of headers with a cookie that has verified: that of a visitor's next request need not be parsed, nor the signature and
     * the hash of the id be computed again. 0.1 in place of 1.8 µs on Node.js 24, of 2.4 on 26.
     */
    private readonly headers = new TwoGenerationCache<CarriedCookies>(MOST_CACHED, LONGEST_CACHED);
    /** Today's, and the one of before that still opens a session. */
    private readonly names: readonly string[];
    /** By secret; the first signs, all verify. */
    private readonly signers: readonly CookieSigner[];
    /** Requests whose cookie nobody here has signed, which was told: those of WebSockets are looked at more than once. */
    private readonly forged = new WeakSet<Request>();

    public constructor(private readonly options: SessionCookieOptions) {
        const former = formerNameOf(options.name);
        this.names = former === undefined ? [options.name] : [options.name, former];
        this.signers = options.secrets.map((secret) => new CookieSigner(secret as string));
    }

    /** What a request carries of the session; undefined where no cookie has its name, whatever the value. */
    public carriedBy(request: Request): CarriedCookies | undefined {
        const header = request.headers.cookie;
        return header === undefined ? undefined : (this.headers.find(header) ?? this.parse(header, request));
    }

    private parse(header: string, request: Request): CarriedCookies | undefined {
        let carried: { ids: CookieId[] } | undefined;
        for (const name of this.names) {
            for (const value of header.includes(name) ? cookieValues(header, name) : []) {
                carried ??= { ids: [] };
                const { ids } = carried;
                const found = ids.length < MOST_IDS ? this.verify(value) : undefined;
                if (found && !ids.some(({ id }) => id === found.id)) {
                    ids.push(name === this.options.name ? found : { ...found, isRenamed: true });
                }
            }
        }
        if (carried && carried.ids.length > 0) {
            this.headers.remember(header, carried);
        } else if (carried && !this.forged.has(request)) {
            const { name, events } = this.options;
            this.forged.add(request);
            events?.refused?.emit(
                { key: claimedKey(header, name), reason: 'signature' },
                { request, address: request.ip },
            );
        }
        return carried;
    }

    private verify(value: string): CookieId | undefined {
        if (!value.startsWith('s:')) {
            return undefined;
        }
        for (const [index, signer] of this.signers.entries()) {
            const id = signer.unsign(value.slice(2));
            if (id) {
                return { id, key: keyOf(id), signed: index === 0 ? value : undefined };
            }
        }
        return undefined;
    }

    private sign(id: string): string {
        return `s:${id}.${(this.signers[0] as CookieSigner).sign(id)}`;
    }

    /**
     * The Set-Cookie value that gives the browser this session, which lasts until `end` (ms since the epoch) at most.
     * @param signed The signed id, where it is known.
     */
    public issue(id: string, cookie: Cookie, end: number, signed = this.sign(id)): string {
        const { expires } = cookie;
        // Before 1970 is as good as 1970, and after the last year a browser would keep the cookie until it is closed.
        const date = expires && new Date(Math.max(0, Math.min(expires.getTime(), end, LAST_COOKIE_TIME)));
        const text = serialize(this.options.name, signed, { ...attributesOf(cookie), expires: date ?? undefined });
        if (text.length > MAX_COOKIE_BYTES) {
            throw new UnstorableSessionError(
                `The session cookie is ${text.length} bytes, and browsers drop those above ${MAX_COOKIE_BYTES}: shorten its path or its name.`,
            );
        }
        return text;
    }

    /** The Set-Cookie value that takes the cookie away; browsers want the attributes it was set with. */
    public clear(cookie: Cookie): string {
        return serialize(this.options.name, '', { ...attributesOf(cookie), expires: new Date(1) });
    }

    /** The Set-Cookie values that end what a request carries under former names, domains and paths. */
    public endFormer({ headers: { cookie: header = '' } }: Request): string[] {
        const { former = [] } = this.options;
        return former.filter(({ name }) => cookieValues(header, name).length > 0).map(({ line }) => line);
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

/** The key of the id that the first cookie of a name claims, whoever has signed it; undefined: it has not the form of ours. */
function claimedKey(header: string, name: string): RecordKey | undefined {
    const [, id] = SIGNED.exec(cookieValues(header, name)[0] ?? '') ?? [];
    return id === undefined ? undefined : keyOf(id);
}

/** What the package cookie makes a Set-Cookie line of. */
function attributesOf(cookie: Cookie): NonNullable<Parameters<typeof serialize>[2]> {
    return (cookie as unknown as { data: object }).data;
}
