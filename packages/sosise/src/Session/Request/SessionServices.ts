import type { Request } from 'express';
import { Cookie, type Store } from 'express-session';
import type { ExceptionHandler } from '../../Http/Errors/ExceptionHandler.js';
import { TRUST_THE_PROXY } from '../../Http/trustTheProxy.js';
import type { Logger } from '../../Logging/Logger.js';
import { Throttle } from '../../Support/Throttle.js';
import type { DeviceBinding } from '../Binding/DeviceBinding.js';
import type { SessionSettings } from '../Config/SessionConfig.js';
import { endedCookies } from '../Cookie/formerCookies.js';
import { SessionCookie } from '../Cookie/SessionCookie.js';
import type { SessionDriver } from '../Drivers/SessionDriver.js';
import type { SessionEventChannels } from '../Events/channels.js';
import type { CsrfTokens } from '../Forgery/CsrfTokens.js';
import { RequestForgery } from '../Forgery/RequestForgery.js';
import type { HttpSession } from '../Object/HttpSession.js';
import { inflateCookie } from '../Object/HttpSession.js';
import type { SessionObserver } from '../Object/SessionObserver.js';
import type { SessionLimits } from '../Object/storable.js';
import { lifetimeOf } from '../Record/SessionLifetime.js';
import type { LiveRecord } from '../Record/SessionRecord.js';
import { SessionRepository } from '../Repository/SessionRepository.js';
import type { SessionSchema } from '../Schema/SessionSchema.js';

const CookieClass = Cookie as unknown as new (options: object) => HttpSession['cookie'];

/** What the session layer needs from the application. */
export interface SessionLayerOptions {
    settings: SessionSettings;
    driver: SessionDriver;
    log: Logger;
    errors: ExceptionHandler;
    /** What `src/config/http.ts` says of requests that other sites cause; undefined: they are not checked. */
    forgery?: ForgeryRules | undefined;
    /** What the config says of the session's keys. */
    schema?: SessionSchema | undefined;
    /** Warn of values that JSON can't hold. */
    isDevelopment: boolean;
    /** `request.sessionStore`. */
    store: (services: SessionServices) => Store;
    /** Who is told what happens to sessions. */
    events: SessionEventChannels;
    /** Is told what requests do with their sessions. */
    observer?: SessionObserver | undefined;
    /** Binds sessions to devices, where the config asks for it. */
    binding?: DeviceBinding | undefined;
}

export interface ForgeryRules {
    readonly trustedOrigins: readonly string[];
    readonly exempt: readonly string[];
    /** What requests need that do not say where they come from; undefined: nothing. */
    readonly tokens: CsrfTokens | undefined;
}

/** What all requests share: the settings, the store, and what makes session objects. */
export class SessionServices {
    public readonly settings: SessionSettings;
    public readonly repository: SessionRepository;
    public readonly cookie: SessionCookie;
    public readonly limits: SessionLimits;
    public readonly log: Logger;
    public readonly errors: ExceptionHandler;
    public readonly driver: SessionDriver;
    public readonly store: Store;
    public readonly events: SessionEventChannels;
    public readonly observer: SessionObserver | undefined;
    public readonly forgery: RequestForgery | undefined;
    public readonly binding: DeviceBinding | undefined;
    private readonly undeliverable = new Throttle();
    private readonly shared = new Throttle();
    private readonly lost = new Throttle();

    public constructor(options: SessionLayerOptions) {
        const { settings, driver, log } = options;
        this.settings = settings;
        this.driver = driver;
        this.log = log;
        this.errors = options.errors;
        this.events = options.events;
        this.repository = new SessionRepository(driver, {
            ...lifetimeOf(settings),
            cookie: settings.cookie,
            schema: options.schema,
            timeoutMs: settings.storeTimeoutMs,
            keepDamagedMs: settings.keepDamagedMs,
            events: options.events,
            limit: settings.registry,
            warn: (message, context) => log.warning(message, context),
        });
        const { name, secrets, proxy } = settings;
        const former = endedCookies(name, settings.cookie, settings.formerCookies);
        this.cookie = new SessionCookie({ name, secrets, proxy, former, events: options.events });
        const { forgery, events, isDevelopment } = options;
        this.forgery = forgery && new RequestForgery({ ...forgery, log, events, isDevelopment });
        this.limits = limitsFor(settings, log, isDevelopment);
        this.observer = options.observer;
        this.binding = options.binding;
        this.store = options.store(this);
    }

    public newId(request: Request): string {
        return this.settings.genid(request);
    }

    /** The cookie to send: the session's own, or, where the route never asked for the session, the stored one. */
    public cookieOf(current: HttpSession | undefined, stored?: LiveRecord): Cookie {
        return current?.cookie ?? inflateCookie(stored ? this.repository.cookieOf(stored) : {});
    }

    /** The cookie of a new session; 'auto' means what the request is. */
    public newCookie(isSecure: boolean): HttpSession['cookie'] {
        const { secure, sameSite } = this.settings.cookie;
        const cookie = new CookieClass(this.settings.cookie);
        if (secure === 'auto') {
            cookie.secure = isSecure;
        }
        if (sameSite === 'auto') {
            cookie.sameSite = isSecure ? 'none' : 'lax';
        }
        return cookie;
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
                        `was stored. ${TRUST_THE_PROXY}.`
                      : 'The session cookie is secure, and this request came over plain http: no session was stored. Serve https; a ' +
                        'proxy that does it for you has to send X-Forwarded-Proto, and to be trusted (TRUST_PROXY; trustProxy in src/config/http.ts). ' +
                        'For a trial on plain http set SESSION_SECURE=false in .env (cookie.secure in src/config/session.ts).',
            );
        }
    }
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
