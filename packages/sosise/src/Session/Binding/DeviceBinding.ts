import { serialize } from 'cookie';
import type { Request, Response } from 'express';
import { randomId } from '../../Support/randomId.js';
import { TwoGenerationCache } from '../../Support/TwoGenerationCache.js';
import type { SessionSettings } from '../Config/SessionConfig.js';
import { cookieValues } from '../Cookie/cookieValues.js';
import type { SessionEventChannels } from '../Events/channels.js';
import type { EventOrigin } from '../Events/sessionEvent.js';
import { CLOCKS_DIFFER_MS, type Login } from '../Record/SessionRecord.js';
import type { RecordKey } from '../Record/storageKeys.js';
import { BindingSeals } from './BindingSeals.js';
import { ALGORITHMS } from './deviceProof.js';

const MINUTE_MS = 60_000;
export const DEFAULT_REFRESH_MINUTES = 10;
/** How old a challenge may be. After a login the device makes a key first, which takes some seconds. */
const CHALLENGE_MS = { registration: 5 * MINUTE_MS, refresh: 2 * MINUTE_MS };
/** A request that left with a bound cookie must not come too late for it: what the browser drops holds so much longer here. */
const LEEWAY_MS = MINUTE_MS;
/** Browsers send one. */
const MOST_COOKIES = 4;
const MOST_CACHED = 2_000;
const LOCAL = /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Device-bound sessions (DBSC), as the editors' draft of W3C has them on 17 February 2026 (w3c/webappsec-dbsc, d346811): the
 * browser keeps a private key on its device, and renews a short-lived cookie against its signature. From then on the session's own
 * cookie logs nobody in by itself.
 *
 * A login gets an id for its binding, and with the registration the public key: both stand in the record, beside the session's
 * data, and go where it goes. Challenges and the values of the cookie are sealed for these two, and stored nowhere.
 */
export class DeviceBinding {
    /** Where browsers register keys and renew the cookie: no registered name of `/.well-known/` fits, so it is one of our own. */
    public readonly path: string;
    private readonly name: string;
    private readonly lifeMs: number;
    private readonly seals: BindingSeals;
    private readonly cookie: SessionSettings['cookie'];
    private readonly verified = new TwoGenerationCache<{ readonly subject: string; readonly end: number }>(MOST_CACHED);
    /** A request that has proved its device has done so for as long as it runs, such as a stream. */
    private readonly proved = new WeakMap<Request, string>();
    private readonly refused = new WeakSet<Request>();

    public constructor(
        { name, cookie, secrets, deviceBound }: SessionSettings,
        private readonly events: SessionEventChannels,
    ) {
        const { refreshMinutes = DEFAULT_REFRESH_MINUTES } = typeof deviceBound === 'object' ? deviceBound : {};
        this.path = `${(cookie.path ?? '/').replace(/\/$/, '')}/__sosise/device`;
        this.name = `${name}-device`; // with the prefix of the session's, where that has one
        this.lifeMs = refreshMinutes * MINUTE_MS;
        this.seals = new BindingSeals(secrets);
        this.cookie = cookie;
    }

    /** What a new login gets, so that its device can be bound; undefined where browsers would not do it. */
    public newBindingId({ hostname }: Request, isSecure: boolean): string | undefined {
        return isSecure || LOCAL.test(hostname ?? '') ? randomId() : undefined;
    }

    /** Asks the browser to bind the session; those that can't do not know the header. */
    public offer(response: Response, login: Login | undefined): void {
        if (login?.binding !== undefined && login.deviceKey === undefined) {
            const challenge = this.challenge('registration', login);
            response.setHeader(
                'Secure-Session-Registration',
                `(${ALGORITHMS.join(' ')});path="${this.path}";challenge="${challenge}"`,
            );
        }
    }

    /** Whether a session is bound, and the request does not come from its device: that is told once. */
    public lacksProof(origin: EventOrigin, key: RecordKey, login: Login): boolean {
        const { request } = origin;
        const { binding, deviceKey } = login;
        if (deviceKey === undefined || this.proved.get(request) === binding) {
            return false;
        }
        const now = Date.now();
        const values = cookieValues(request.headers.cookie ?? '', this.name).slice(0, MOST_COOKIES);
        const isProved = values.some((value) => {
            const end = this.endOf(value, subjectOf(login));
            return end !== undefined && now <= end + LEEWAY_MS && end - now <= this.lifeMs + CLOCKS_DIFFER_MS;
        });
        if (isProved) {
            this.proved.set(request, binding as string);
        } else if (!this.refused.has(request)) {
            this.refused.add(request);
            this.events.refused?.emit({ key, user: login.user, reason: 'device' }, origin);
        }
        return !isProved;
    }

    /** What has verified need not be computed again: see SessionCookie. */
    private endOf(value: string, subject: string): number | undefined {
        const known = this.verified.find(value);
        if (known?.subject === subject) {
            return known.end;
        }
        const end = this.seals.open('cookie', value, subject);
        if (end !== undefined) {
            this.verified.remember(value, { subject, end });
        }
        return end;
    }

    /** Later than all that were answered before, whichever process's clock is ahead. */
    public challenge(use: keyof typeof CHALLENGE_MS, login: Login): string {
        return this.seals.seal(use, Math.max(Date.now(), (login.proved ?? 0) + 1), subjectOf(login));
    }

    /** When a challenge was made, if it is this login's and new enough. */
    public issuedAt(use: keyof typeof CHALLENGE_MS, challenge: string, login: Login): number | undefined {
        const at = this.seals.open(use, challenge, subjectOf(login));
        const age = at === undefined ? Number.NaN : Date.now() - at;
        return age <= CHALLENGE_MS[use] && age >= -CLOCKS_DIFFER_MS ? at : undefined;
    }

    /** The cookie that proves the device, as Set-Cookie has it. */
    public prove(login: Login, isSecure: boolean): string {
        const value = this.seals.seal('cookie', Date.now() + this.lifeMs, subjectOf(login));
        return `${this.name}=${value}; Max-Age=${this.lifeMs / 1000}; ${this.attributes(isSecure)}`;
    }

    /** Takes it away, where the request has one. */
    public end({ headers: { cookie = '' } }: Request, isSecure: boolean): string[] {
        const isThere = cookieValues(cookie, this.name).length > 0;
        return isThere ? [`${this.name}=; Max-Age=0; ${this.attributes(isSecure)}`] : [];
    }

    /** What the browser is told of its part: when this host's requests lack the cookie, it renews that first. */
    public instructions(login: Login, isSecure: boolean): object {
        return {
            session_identifier: login.binding,
            refresh_url: this.path,
            scope: { include_site: false, scope_specification: [] },
            credentials: [{ type: 'cookie', name: this.name, attributes: this.attributes(isSecure) }],
        };
    }

    /** Those of the session's cookie, but for its age. */
    private attributes(isSecure: boolean): string {
        const { path = '/', sameSite = 'lax' } = this.cookie;
        const site = sameSite === 'auto' ? (isSecure ? 'none' : 'lax') : sameSite;
        const line = serialize('x', 'x', { path, httpOnly: true, secure: isSecure, sameSite: site });
        return line.slice('x=x; '.length);
    }
}

/** The key is a part of it once there is one: what was sealed before the registration, or for another key, holds no more. */
function subjectOf({ binding = '', deviceKey = '' }: Login): string {
    return `${binding} ${deviceKey}`;
}
