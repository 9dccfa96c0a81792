import type { Request } from 'express';
import { ConfigError } from '../../Exceptions/errors.js';
import type { CookieId } from '../Cookie/CookieId.js';
import type { WalkOptions } from '../Drivers/walkRecords.js';
import type { StoredCookie } from '../Record/CookieSettings.js';
import type { LiveRecord } from '../Record/SessionRecord.js';
import { isPlainId, keyOf } from '../Record/storageKeys.js';
import { firstAlive } from '../Repository/firstAlive.js';
import type { PruneOptions } from '../Repository/Pruning.js';
import type { FoundSession } from '../Repository/SessionReader.js';
import type { RequestSession } from '../Request/RequestSession.js';
import { sessionOf } from '../Request/requestSessions.js';
import type { SessionServices } from '../Request/SessionServices.js';
import { type Closable, closeOpen, onceClosed } from './closable.js';
import { matching, nameOf } from './matching.js';
import { revokerOf } from './revokerOf.js';
import type { OpenThing, SessionEnds } from './SessionEnds.js';

export type { WalkOptions };

/** A session that lives, as it may be shown: without its id, its key, and what it holds. */
export interface StoredSession {
    /** A short name that `find()` and `revoke()` take. */
    readonly fingerprint: string;
    /** Whose it is since `login()`; undefined: a visitor's. */
    readonly user: string | undefined;
    /** Whether it is bound to a device: see `deviceBound` in src/config/session.ts. */
    readonly bound: boolean;
    readonly created: Date;
    /** When it was last active, to 5 % of the idle time. */
    readonly lastSeen: Date;
    /** When it ends if nobody uses it any more. */
    readonly expiresAt: Date;
    /** The bytes of its record, before encryption. */
    readonly bytes: number;
}

/** The same with what it holds. */
export interface OpenedSession extends StoredSession {
    /** When it ends however much it is used; undefined: never. */
    readonly endsAt: Date | undefined;
    readonly cookie: StoredCookie;
    /** The client's address and User-Agent at login, where `registry` in src/config/session.ts asks for them. */
    readonly address: string | undefined;
    readonly browser: string | undefined;
    /** Its keys, without the cookie. */
    readonly data: Readonly<Record<string, unknown>>;
}

type LiveSession = FoundSession<LiveRecord>;

/** The end of a walk that was stopped. */
const STOPPED = 'Stopped before the session was found: nothing was changed.';

/**
 * What is stored, for those who look after it: `app.container.make(StoredSessions)`. Looking changes nothing, and walks
 * hold one session at a time, however many there are.
 */
export class StoredSessions {
    /** For a request with several cookies, the one whose session lived when it was first looked up. */
    private readonly named = new WeakMap<Request, CookieId>();
    private ends: SessionEnds | undefined;

    public constructor(private readonly openLayer: () => SessionServices) {}

    /** False where the driver can't list what it holds: then only a user's sessions can be found. */
    public get canList(): boolean {
        return this.services().repository.canList;
    }

    /** About how many records there are: sessions, tombstones, users' lists. Undefined: not known. */
    public async count(): Promise<number | undefined> {
        const { driver, repository } = this.services();
        try {
            return await driver.count?.();
        } catch (error) {
            throw repository.calls.unavailable('loaded', '', error);
        }
    }

    /** All sessions that live, in the driver's order. One that moves meanwhile may come twice. */
    public async *all(options: WalkOptions = {}): AsyncGenerator<StoredSession> {
        for await (const found of this.services().repository.live(options)) {
            yield this.describe(found);
        }
    }

    /** A user's sessions, oldest login first, found without a walk through all. */
    public async *ofUser(user: string): AsyncGenerator<StoredSession> {
        for await (const found of this.services().repository.liveOf(user)) {
            yield this.describe(found);
        }
    }

    /**
     * The live session that a request's cookie names, for requests that pass no stage, such as those of WebSockets. Looking
     * does not count as a visit; asked again later, it says whether the session lives still. Throws ForbiddenException where
     * the request brings the cookie from a page of another origin, as `csrf` and `trustedOrigins` have it.
     */
    public async ofRequest(request: Request): Promise<OpenedSession | undefined> {
        const { cookie, forgery, repository, binding } = this.services();
        const carried = cookie.carriedBy(request);
        if (carried) {
            forgery?.refuseOtherPages(request);
        }
        const named = this.named.get(request) ?? (await firstAlive(repository, carried?.ids));
        if (named) {
            this.named.set(request, named);
        }
        const found = named && repository.open(named.key, await repository.find(named.id, named.key));
        if (!named || found?.kind !== 'live') {
            return undefined;
        }
        const { key } = named;
        const opened = this.opened({ key, record: found.record, text: found.stored.record });
        const { login } = found.record;
        const origin = { request, address: request.ip };
        // As for requests that pass the stages: away from its device, a bound session is nobody's.
        return login && binding?.lacksProof(origin, key, login) ? { ...opened, user: undefined } : opened;
    }

    /**
     * Closes what a request has opened when its session ends, by logout, `revoke` or a timeout: at once in this process, within
     * a second in others; at once where no session lives. What is open does not keep its session alive, and follows it to a new
     * id. Gives a function that forgets it, for what a function closes; else that happens when it is closed.
     */
    public closeWithSession(request: Request, open: Closable): () => void {
        const session = sessionOf(request);
        session?.open();
        if (session?.stage === 'new') {
            throw new Error(
                'closeWithSession() needs a session that is stored, and this visitor has none: put requireLogin() in front of the route, or change request.session and await request.session.save() first.',
            );
        }
        const { log } = this.services();
        const thing: OpenThing = {
            key: '',
            isOver: false,
            close: () =>
                void closeOpen(open).catch((error: unknown) => {
                    log.error('What was open could not be closed when its session ended.', { error });
                }),
        };
        const forget = () => {
            thing.isOver = true;
            this.ends?.forget(thing);
        };
        onceClosed(open, forget);
        void this.watch(request, session, thing);
        return forget;
    }

    private async watch(request: Request, session: RequestSession | undefined, thing: OpenThing): Promise<void> {
        const { SessionEnds } = await import('./SessionEnds.js');
        const { repository } = this.services();
        this.ends ??= new SessionEnds(repository);
        repository.ends = this.ends;
        let key = session?.stage === 'live' ? session.storedKey : undefined;
        try {
            key ??= session || !(await this.ofRequest(request)) ? undefined : this.named.get(request)?.key;
        } catch (error) {
            key = this.named.get(request)?.key; // none: a page of another origin has sent it
            if (key !== undefined) {
                this.ends.failed(error);
            }
        }
        thing.key = key ?? '';
        if (key !== undefined) {
            this.ends.add(thing);
        } else if (!thing.isOver) {
            thing.close();
        }
    }

    /** One session, by its fingerprint or the beginning of it. Throws ConfigError where that names none, or several. */
    public async find(fingerprint: string, options: WalkOptions = {}): Promise<OpenedSession> {
        return this.opened(await this.match(fingerprint, options));
    }

    /** Ends one session, by its fingerprint or the beginning of it; `by`: the request whose user does it. Throws ConfigError where that names none, or several. */
    public async revoke(
        fingerprint: string,
        { by, ...options }: WalkOptions & { readonly by?: Request } = {},
    ): Promise<StoredSession> {
        const found = await this.match(fingerprint, options);
        const { repository } = this.services();
        const how = { follows: true, ...revokerOf(by) };
        await repository.revoke(found.key, how);
        if (isPlainId(found.key)) {
            await repository.revoke(keyOf(found.key as string), how); // it may have moved there since
        }
        return this.describe(found);
    }

    /** Removes what has expired; see `SessionRepository.prune()`. Gives the number of records removed. */
    public async prune(signal?: AbortSignal, options?: PruneOptions): Promise<number> {
        const { repository } = this.services();
        try {
            return await repository.prune(signal, options);
        } catch (error) {
            throw repository.calls.unavailable('ended', '', error);
        }
    }

    private services(): SessionServices {
        const services = this.openLayer();
        if (services.events.process.by === 'console' && services.driver.abilities?.survivesRestart === false) {
            throw new ConfigError(
                "The sessions are in the memory of the server's process, where no command reaches them: set another driver in src/config/session.ts, or look after them in the server itself.",
            );
        }
        return services;
    }

    private async match(fingerprint: string, options: WalkOptions): Promise<LiveSession> {
        const match = await matching(this.services().repository.live(options), fingerprint);
        if (options.signal?.aborted && (!match || nameOf(match.key) !== fingerprint)) {
            throw new ConfigError(STOPPED); // there may be another that begins like this
        }
        if (!match) {
            throw new ConfigError(
                `There is no live session ${fingerprint}: ./artisan session:list shows those there are.`,
            );
        }
        return match;
    }

    private describe({ key, record, text }: LiveSession): StoredSession {
        return {
            fingerprint: nameOf(key),
            user: record.login?.user,
            bound: record.login?.deviceKey !== undefined,
            created: new Date(record.created),
            lastSeen: new Date(record.seen),
            expiresAt: new Date(this.services().repository.lifetime.endOf(record).at),
            bytes: Buffer.byteLength(text),
        };
    }

    private opened(found: LiveSession): OpenedSession {
        const { record } = found;
        const end = this.services().repository.lifetime.absoluteEndOf(record);
        return {
            ...this.describe(found),
            endsAt: Number.isFinite(end) ? new Date(end) : undefined,
            cookie: { ...this.services().repository.cookieOf(record) },
            address: record.login?.address,
            browser: record.login?.browser,
            data: dataOf(record),
        };
    }
}

/** Only the beginning of a record is read until somebody asks for more. */
function dataOf(record: LiveRecord): LiveRecord['data'] {
    try {
        return record.shown ?? record.data;
    } catch (error) {
        throw new ConfigError('The session is damaged: it is quarantined when its visitor comes.', { cause: error });
    }
}
