import type { Request } from 'express';
import session, { type CookieOptions, type SessionData } from 'express-session';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import { inflateCookie } from '../Cookie/inflateCookie.js';
import { HttpSession, isReservedKey } from '../Object/HttpSession.js';
import { storable } from '../Object/SessionChanges.js';
import type { SessionChange } from '../Record/mergeChanges.js';
import type { LiveRecord, StoredCookie } from '../Record/SessionRecord.js';
import { isSessionKey, keyOf } from '../Record/storageKeys.js';
import type { LoadResult } from '../Repository/SessionRepository.js';
import type { RequestSession } from './RequestSession.js';
import { sessionOf } from './requestSessions.js';
import type { SessionServices } from './SessionServices.js';

type Done<T = void> = (error: unknown, result?: T) => void;

/**
 * `request.sessionStore`, and what makes the session objects of requests. It reads and writes sessions through the repository.
 * Of express-session it takes what makes a session: `createSession` for one that is stored, and `generate`, which the
 * middleware sets when it is made, for a new one. The middleware itself never runs: it would verify the cookie again, ask the
 * store again and hash the session, 25 of 230 µs for a stored one, 20 of 250 for a new one (Node 20, `npm run bench -- --only=read,new`).
 */
export class ExpressStore extends session.Store {
    /** Makes a new, empty session with a new id for a request. */
    declare public generate: (request: Request) => void;

    public constructor(private readonly services: SessionServices) {
        super();
        const { settings } = services;
        session({
            store: this,
            secret: [...settings.secrets],
            resave: settings.resave,
            saveUninitialized: settings.saveUninitialized,
            cookie: { ...settings.cookie } as CookieOptions,
            genid: (request) => sessionOf(request)?.takeId() ?? settings.genid(request),
        });
        this.adoptGenerated();
    }

    /** express-session has set `generate`; the session that it makes becomes one of ours. */
    private adoptGenerated(): void {
        const { generate } = this;
        this.generate = (request) => {
            const owner = sessionOf(request) as RequestSession;
            if (!owner.starting) {
                owner.start(); // the first is there by the time that others may ask for another
            }
            generate(request);
            const made = new HttpSession(owner);
            made.cookie = request.session.cookie as HttpSession['cookie'];
            this.settleAuto(made.cookie, owner.isSecure);
            owner.renew(made);
        };
    }

    /** What 'auto' means for this request: express-session asks the request now, which may be in another application. */
    private settleAuto(cookie: HttpSession['cookie'], isSecure: boolean): void {
        const { secure, sameSite } = this.services.settings.cookie;
        if (secure === 'auto') {
            cookie.secure = isSecure;
        }
        if (sameSite === 'auto') {
            cookie.sameSite = isSecure ? 'none' : 'lax';
        }
    }

    public override get(id: string, done: Done<SessionData | null>): void {
        this.reply(done, async () => {
            const found = await this.find(id);
            return found.kind === 'live' ? this.shown(found.record) : null;
        });
    }

    public override set(id: string, data: SessionData, done?: Done): void {
        this.reply(done, async () => {
            const { repository } = this.services;
            const { cookie, ...keys } = JSON.parse(JSON.stringify(data)) as { cookie: StoredCookie };
            const set = storable(keys, this.services.limits);
            const key = storedAs(id);
            const found = await this.find(id);
            if (found.kind === 'live') {
                const removed = new Set(Object.keys(found.record.data).filter((key) => !set.has(key)));
                await repository.save(key, found, { set, removed, added: new Map(), cookie });
            } else if (found.kind === 'none') {
                await repository.create(key, cookie, { set, removed: new Set(), added: new Map() } as SessionChange);
            }
        });
    }

    public override touch(id: string, _data: SessionData, done?: Done): void {
        this.reply(done, async () => {
            const found = await this.find(id);
            if (found.kind === 'live') {
                await this.services.repository.touch(storedAs(id), found);
            }
        });
    }

    public override destroy(id: string, done?: Done): void {
        this.reply(done, async () => {
            await this.find(id); // one under its plain id moves to its key
            await this.services.repository.end(storedAs(id), 'destroyed');
        });
    }

    public override regenerate(request: Request, done: Done): void {
        this.reply(done, async () => sessionOf(request)?.regenerate());
    }

    /** All live sessions by their keys, which the other methods take like ids: the ids themselves are not stored. */
    public override all(done: Done<{ [id: string]: SessionData }>): void {
        this.reply(done, async () => {
            const all: { [id: string]: SessionData } = {};
            for await (const { key, record } of this.services.repository.live()) {
                all[key] = this.shown(record);
            }
            return all;
        });
    }

    public override length(done: Done<number>): void {
        this.reply(done, async () => {
            let count = 0;
            for await (const _ of this.services.repository.live()) {
                count += 1;
            }
            return count;
        });
    }

    /** Ends all sessions. */
    public override clear(done?: Done): void {
        this.reply(done, async () => {
            for await (const { key } of this.services.repository.live()) {
                await this.services.repository.end(key, 'destroyed');
            }
        });
    }

    /** Makes the request's session object from stored data. */
    public override createSession(request: Request, data: SessionData): never {
        const owner = sessionOf(request);
        if (!owner) {
            return super.createSession(request, data) as never; // Store.load() makes one without a request
        }
        const record = owner.record as LiveRecord;
        const made = new HttpSession(owner);
        made.cookie = inflateCookie(this.services.repository.cookieOf(record)) as HttpSession['cookie'];
        const copy = record.copy();
        for (const key of Object.keys(copy)) {
            if (!isReservedKey(key)) {
                made[key] = copy[key]; // stock records may use names that are ours: left out, as the package does
            }
        }
        owner.attach(made);
        return request.session as never;
    }

    private shown(record: LiveRecord): SessionData {
        return { ...record.data, cookie: this.services.repository.cookieOf(record) } as never;
    }

    private find(id: string): MaybePromise<LoadResult> {
        return isSessionKey(id) ? this.services.repository.load(id) : this.services.repository.find(id);
    }

    private reply<T>(done: Done<T> | undefined, work: () => Promise<T>): void {
        work().then(
            (result) => done?.(null, result),
            (error) => done?.(error),
        );
    }
}

/** Application code may name a session by its key too; cookies can't: what they hold is always hashed. */
function storedAs(id: string): string {
    return isSessionKey(id) ? id : keyOf(id);
}
