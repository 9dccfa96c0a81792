import type { Request, RequestHandler, Response } from 'express';
import session, { Cookie, type CookieOptions } from 'express-session';
import type { ExceptionHandler } from '../../Http/Errors/ExceptionHandler.js';
import type { Logger } from '../../Logging/Logger.js';
import type { CsrfTokens } from '../Forgery/CsrfTokens.js';
import { ExpressStore } from './ExpressStore.js';
import { endedCookies } from '../Cookie/formerCookies.js';
import { HttpSession } from './HttpSession.js';
import { OncePerMinute } from '../../Support/OncePerMinute.js';
import { RequestForgery } from '../Forgery/RequestForgery.js';
import type { RequestSession } from './RequestSession.js';
import { sessionOf } from './requestSessions.js';
import type { SessionLimits } from './SessionChanges.js';
import { lifetimeOf } from '../Record/SessionLifetime.js';
import type { SessionSettings } from '../Config/SessionConfig.js';
import { SessionCookie } from '../Cookie/SessionCookie.js';
import type { SessionDriver } from '../Drivers/SessionDriver.js';
import type { SessionObserver } from './SessionObserver.js';
import type { LiveRecord, StoredCookie } from '../Record/SessionRecord.js';
import { SessionRepository } from '../Repository/SessionRepository.js';
import { LAST_COOKIE_TIME } from '../Cookie/SetCookieForm.js';

/** What the session layer needs from the application. */
export interface SessionLayerOptions {
    settings: SessionSettings;
    driver: SessionDriver;
    log: Logger;
    errors: ExceptionHandler;
    /** What `src/config/http.ts` says of requests that other sites cause; undefined: they are not checked. */
    forgery?: ForgeryRules | undefined;
    /** Warn of values that JSON can't hold. */
    isDevelopment: boolean;
    observer?: SessionObserver | undefined;
}

export interface ForgeryRules {
    readonly trustedOrigins: readonly string[];
    readonly exempt: readonly string[];
    /** What requests need that do not say where they come from; undefined: nothing. */
    readonly tokens: CsrfTokens | undefined;
}

/** Stands in for the response in express-session's middleware: storing and cookies are RequestSession's business. */
class NoResponse {
    public write(): void {}
    public end(): void {}
    public writeHead(): void {}
}

/** What all requests share: the settings, the store, and express-session's own middleware. */
export class SessionLayer {
    public readonly settings: SessionSettings;
    public readonly repository: SessionRepository;
    public readonly cookie: SessionCookie;
    public readonly limits: SessionLimits;
    public readonly log: Logger;
    public readonly errors: ExceptionHandler;
    public readonly driver: SessionDriver;
    public readonly store: ExpressStore;
    public readonly forgery: RequestForgery | undefined;
    public readonly observer: SessionObserver | undefined;
    private readonly expressSession: RequestHandler;
    private readonly undeliverable = new OncePerMinute();
    private readonly shared = new OncePerMinute();
    private readonly lost = new OncePerMinute();

    public constructor(options: SessionLayerOptions) {
        const { settings, driver, log } = options;
        this.settings = settings;
        this.driver = driver;
        this.log = log;
        this.errors = options.errors;
        this.observer = options.observer;
        this.repository = new SessionRepository(driver, {
            ...lifetimeOf(settings),
            cookie: settings.cookie,
            timeoutMs: settings.storeTimeoutMs,
            keepDamagedMs: settings.keepDamagedMs,
            warn: (message, context) => log.warning(message, context),
        });
        const { name, secrets, proxy } = settings;
        const former = endedCookies(name, settings.cookie, settings.formerCookies);
        this.cookie = new SessionCookie({ name, secrets, proxy, former });
        this.forgery = options.forgery && this.forgeryBy(options.forgery, options.isDevelopment);
        this.limits = limitsFor(settings, log, options.isDevelopment);
        this.store = new ExpressStore(this);
        this.expressSession = session({
            store: this.store,
            secret: [...settings.secrets],
            name: settings.name,
            resave: settings.resave,
            saveUninitialized: settings.saveUninitialized,
            cookie: { ...settings.cookie } as CookieOptions,
            ...(settings.rolling !== undefined && { rolling: settings.rolling }),
            ...(settings.proxy !== undefined && { proxy: settings.proxy }),
            unset: settings.unset,
            genid: (request) => sessionOf(request)?.takeId() ?? settings.genid(request),
        });
        this.store.adoptGenerated();
    }

    /**
     * Makes the session of a request whose record is loaded, without waiting, by the means that express-session's
     * middleware has for it: `createSession` for a stored one, `generate` for a new one. The middleware itself would verify
     * the cookie again, ask the store again and hash the session: 25 of 230 µs for a stored one, 20 of 250 for a new one on
     * Node 20 (`npm run bench -- --only=read,new`). Where an option wants it for every request, it runs.
     */
    public begin(owner: RequestSession): void {
        const { rolling, resave, saveUninitialized } = this.settings;
        if (owner.record) {
            this.inflate(owner);
        } else if (rolling || resave || saveUninitialized) {
            this.runExpressSession(owner);
        } else {
            this.generate(owner.request);
        }
    }

    private runExpressSession(owner: RequestSession): void {
        let failure: unknown;
        this.store.serve(owner, () => {
            this.expressSession(owner.request, new NoResponse() as unknown as Response, (error?: unknown) => {
                failure = error;
            });
        });
        if (failure) {
            throw failure;
        }
        // The middleware wraps these two to keep its own account of changes, which is ours to keep here.
        const made = owner.request.session as unknown as HttpSession;
        Reflect.deleteProperty(made, 'save');
        Reflect.deleteProperty(made, 'reload');
    }

    /** Makes a new, empty session with a new id for the request, by express-session's own means. */
    public generate(request: Request): void {
        this.store.generate(request);
    }

    /** Makes the session object again from what is loaded. */
    public inflate(owner: RequestSession): void {
        this.store.createSession(owner.request, owner.record as never);
    }

    public newId(request: Request): string {
        return this.settings.genid(request);
    }

    /** The cookie to send: the session's own, or, where the route never asked for the session, the stored one. */
    public cookieOf(current: HttpSession | undefined, stored?: LiveRecord): Cookie {
        return current?.cookie ?? inflateCookie(stored ? this.repository.cookieOf(stored) : {});
    }

    private forgeryBy({ trustedOrigins, exempt, tokens }: ForgeryRules, isDevelopment: boolean): RequestForgery {
        return new RequestForgery({
            trustedOrigins,
            exempt,
            tokens,
            carriesSession: (request) => this.cookie.carriedBy(request) !== undefined,
            log: this.log,
            isDevelopment,
        });
    }

    public warnShared(where: Record<string, unknown>): void {
        if (this.shared.isDue()) {
            this.log.warning(
                "An answer that used the session says Cache-Control: public: caches may give it to other visitors. Say private, or don't look at the session there.",
                where,
            );
        }
    }

    public warnLost(where: Record<string, unknown>): void {
        if (this.lost.isDue()) {
            this.log.warning(
                'A session was changed after its answer had been sent: the change is not stored. Change the session before you ' +
                    'answer; where that is not possible, call await request.session.save() after the change.',
                where,
            );
        }
    }

    public warnUndeliverable(request: Request): void {
        if (this.undeliverable.isDue()) {
            const forwarded = request.headers['x-forwarded-proto'] !== undefined;
            this.log.warning(
                forwarded && this.settings.proxy === false
                    ? 'The session cookie is secure, and proxy: false in src/config/session.ts says that no proxy is believed that a ' +
                          'request came over https: no session was stored. Leave proxy out to follow trustProxy in src/config/http.ts.'
                    : forwarded
                      ? 'The session cookie is secure, and the proxy that says this request came over https is not trusted: no session ' +
                        'was stored. Set trustProxy in src/config/http.ts to the number of proxies in front.'
                      : 'The session cookie is secure, and this request came over plain http: no session was stored. Serve https; a ' +
                        'proxy that does it for you has to send X-Forwarded-Proto, and to be trusted (trustProxy in src/config/http.ts). ' +
                        'For a trial on plain http set SESSION_SECURE=false in .env (cookie.secure in src/config/session.ts).',
            );
        }
    }
}

/** As express-session does it: a stored cookie keeps its `originalMaxAge`, and its date is a Date again. */
export function inflateCookie(stored: StoredCookie): Cookie {
    const { originalMaxAge, expires, ...rest } = stored;
    const cookie = new (Cookie as unknown as new (options: object) => Cookie)(rest);
    cookie.expires = typeof expires === 'string' ? new Date(Math.min(Date.parse(expires), LAST_COOKIE_TIME)) : null;
    cookie.originalMaxAge = originalMaxAge || null;
    return cookie;
}

function limitsFor(settings: SessionSettings, log: Logger, isDevelopment: boolean): SessionLimits {
    const limits: SessionLimits = {
        warnBytes: settings.warnBytes,
        maxBytes: settings.maxBytes,
        large: (bytes, keys) =>
            log.warning(
                `A session is ${bytes} bytes, over the ${settings.warnBytes} of warnBytes in src/config/session.ts.`,
                {
                    largestKeys: keys,
                },
            ),
    };
    if (isDevelopment) {
        limits.lossy = (path, what) => log.warning(`request.session${path} is ${what}.`);
    }
    return limits;
}
