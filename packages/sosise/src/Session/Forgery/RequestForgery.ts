import type { Request } from 'express';
import { ForbiddenException } from '../../Exceptions/ForbiddenException.js';
import { routeOf } from '../../Http/Errors/routeOf.js';
import { isOwnOrigin } from '../../Http/ownOrigin.js';
import { TRUST_THE_PROXY } from '../../Http/trustTheProxy.js';
import type { Logger } from '../../Logging/Logger.js';
import { Throttle } from '../../Support/Throttle.js';
import type { SessionEventChannels } from '../Events/channels.js';
import type { EventOrigin } from '../Events/sessionEvent.js';
import { keyOf, type SessionId } from '../Record/storageKeys.js';
import type { CsrfTokens } from './CsrfTokens.js';
import { RequestForgeryExemptions } from './RequestForgeryExemptions.js';

export interface RequestForgeryOptions {
    /** Origins of other front ends whose pages may act for a visitor, exactly as browsers send them. */
    trustedOrigins: readonly string[];
    /** Paths that are not checked, such as `/webhooks/stripe`, or `/webhooks/*` for all below one. */
    exempt: readonly string[];
    /** Asked for where the browser does not say where a request comes from. */
    tokens?: CsrfTokens | undefined;
    log: Pick<Logger, 'warning'>;
    events: SessionEventChannels;
    /** Answers name the rule and the fix. */
    isDevelopment: boolean;
}

/** Requests that change nothing: they are not checked. */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const MESSAGE = 'The request was refused: it seems to come from another site. Please reload the page and try again.';
const LONGEST_SHOWN = 100;

/** Why a request is refused, and what its developer can do about it. */
export interface Refusal {
    readonly rule: string;
    readonly fix: string;
}

const NAME_IT =
    'If pages of that origin may act for your visitors, add it to trustedOrigins in src/config/http.ts; if others are meant ' +
    'to post to this path, add the path to exempt under csrf there.';
const SEND_IT = 'Send csrfToken(request) in the header X-CSRF-Token or in the form field _csrf.';

/**
 * Refuses requests that another site made a visitor's browser send. Browsers say where a request comes from, in
 * `Sec-Fetch-Site` or else in `Origin`, and no page can change that. A client that says neither is no browser, or an old one.
 */
export class RequestForgery {
    /** Undefined where none are asked for. */
    public readonly tokens: CsrfTokens | undefined;
    private readonly trusted: ReadonlySet<string>;
    private readonly exemptions: RequestForgeryExemptions;
    private readonly withheld = new Throttle();

    public constructor(private readonly options: RequestForgeryOptions) {
        this.tokens = options.tokens;
        this.trusted = new Set(options.trustedOrigins);
        this.exemptions = new RequestForgeryExemptions(options.exempt);
    }

    /**
     * Why a request that may change something is another site's; undefined where it is not. Asked once, when it arrives:
     * applications that a router mounts believe other proxies, or none.
     */
    public refusalOf(request: Request): Refusal | undefined {
        return SAFE_METHODS.has(request.method) ? undefined : this.otherSite(request);
    }

    /**
     * Throws a 403 where a request that may change something, and carries the session cookie, is not its visitor's.
     * @param sessionId The verified id of the cookie, if it has one.
     * @param refusal As `refusalOf` gave it.
     */
    public check(request: Request, sessionId: SessionId | undefined, refusal: Refusal | undefined): void {
        if (!SAFE_METHODS.has(request.method)) {
            this.enforce(request, refusal ?? this.missingToken(request, sessionId), { sessionId });
        }
    }

    /** The same without regard to cookies, for logins: another site could log its visitor in as somebody else. */
    public refuseOtherSites(request: Request, refusal: Refusal | undefined, origin?: EventOrigin): void {
        this.enforce(request, refusal, { origin });
    }

    /** The same for a WebSocket, which is begun by a GET: with that, browsers always name the page's origin. */
    public refuseOtherPages(request: Request): void {
        this.enforce(request, this.otherOrigin(request, 'a WebSocket'));
    }

    /**
     * Whether a new session may be given to the browser that sent this. Not for what another site sends in it without
     * the session cookie, as `SameSite` has it: the new cookie would replace the one that the visitor has.
     */
    public mayBeginSession(request: Request, refusal: Refusal | undefined): boolean {
        if (!refusal || this.exemptions.has(request.originalUrl)) {
            return true;
        }
        if (this.withheld.isDue()) {
            this.warn(`No session was begun, as it would replace the visitor's: ${refusal.rule}.`, request);
        }
        return false;
    }

    private enforce(
        request: Request,
        refusal: Refusal | undefined,
        { sessionId, origin }: { sessionId?: SessionId | undefined; origin?: EventOrigin | undefined } = {},
    ): void {
        if (!refusal || this.exemptions.has(request.originalUrl)) {
            return;
        }
        const message = `Blocked by CSRF protection: ${refusal.rule}.`;
        this.warn(message, request);
        this.options.events.refused?.emit(
            { key: sessionId && keyOf(sessionId), reason: 'csrf' },
            origin ?? { request, address: request.ip },
        );
        throw new ForbiddenException(this.options.isDevelopment ? `${message} ${refusal.fix}` : MESSAGE);
    }

    private warn(message: string, request: Request): void {
        const { requestId, method } = request;
        this.options.log.warning(message, { requestId, method, path: routeOf(request) });
    }

    private otherSite(request: Request): Refusal | undefined {
        const { origin, 'sec-fetch-site': site } = request.headers;
        if (site === 'same-origin' || site === 'none' || (origin !== undefined && this.trusted.has(origin))) {
            return undefined;
        }
        if (site !== undefined) {
            return { rule: `Sec-Fetch-Site: ${shortened(site)} and ${untrusted(origin)}`, fix: NAME_IT };
        }
        return this.otherOrigin(request, 'no Sec-Fetch-Site');
    }

    private otherOrigin(request: Request, occasion: string): Refusal | undefined {
        const { origin } = request.headers;
        if (origin === undefined || this.trusted.has(origin) || isOwnOrigin(origin, request)) {
            return undefined;
        }
        const elsewhere = `and not this host, ${shortened(request.host ?? 'which has no name')}${proxyHint(request)}`;
        return { rule: `${occasion}, and ${untrusted(origin)} ${elsewhere}`, fix: NAME_IT };
    }

    private missingToken(request: Request, sessionId: string | undefined): Refusal | undefined {
        const { origin, 'sec-fetch-site': site } = request.headers;
        if (!this.tokens || site !== undefined || origin !== undefined) {
            return undefined;
        }
        return sessionId !== undefined && this.tokens.verifyToken(sessionId, tokenIn(request))
            ? undefined
            : { rule: 'no Sec-Fetch-Site, no Origin and no valid token', fix: SEND_IT };
    }
}

function untrusted(origin: string | string[] | undefined): string {
    return origin === undefined
        ? 'no Origin'
        : `origin ${shortened(origin)} is not in trustedOrigins (src/config/http.ts)`;
}

/** Where a proxy says that the browser asked for another host than this application believes. */
function proxyHint(request: Request): string {
    const [forwarded] = request.get('X-Forwarded-Host')?.split(',', 1) ?? [];
    return forwarded === undefined || forwarded.trim() === request.host
        ? ''
        : `. X-Forwarded-Host is not believed. ${TRUST_THE_PROXY}`;
}

function tokenIn(request: Request): unknown {
    return request.headers['x-csrf-token'] ?? (request.body as { _csrf?: unknown } | null | undefined)?._csrf;
}

/** What a client has sent is not put into the log at any length. */
function shortened(text: string | string[]): string {
    return String(text).slice(0, LONGEST_SHOWN);
}
