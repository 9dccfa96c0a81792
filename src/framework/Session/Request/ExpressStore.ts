import type { Request } from 'express';
import session, { type SessionData } from 'express-session';
import { HttpSession, isReservedKey } from './HttpSession.js';
import type { SessionChange } from '../Record/mergeChanges.js';
import type { RequestSession } from './RequestSession.js';
import { sessionOf } from './requestSessions.js';
import { storable } from './SessionChanges.js';
import type { MaybePromise } from '../Drivers/SessionDriver.js';
import { inflateCookie, type SessionLayer } from './SessionLayer.js';
import type { LiveRecord, StoredCookie } from '../Record/SessionRecord.js';
import type { LoadResult } from '../Repository/SessionRepository.js';
import { isSessionKey, keyOf } from '../Record/storageKeys.js';

type Done<T = void> = (error: unknown, result?: T) => void;

/**
 * The store that express-session's middleware works on, and `request.sessionStore`. For the request that is being
 * served it answers at once from what was loaded; by itself it reads and writes sessions through the repository.
 */
export class ExpressStore extends session.Store {
    /** Set by express-session's middleware, which makes new sessions through it. */
    declare public generate: (request: Request) => void;
    private serving: RequestSession | undefined;

    public constructor(private readonly layer: SessionLayer) {
        super();
    }

    /** express-session's middleware sets `generate`; the session that it makes becomes one of ours. */
    public adoptGenerated(): void {
        const { generate } = this;
        this.generate = (request) => {
            const owner = sessionOf(request) as RequestSession;
            if (!owner.starting) {
                owner.start(); // the middleware has run by the time that others may ask for another session
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
        const { secure, sameSite } = this.layer.settings.cookie;
        if (secure === 'auto') {
            cookie.secure = isSecure;
        }
        if (sameSite === 'auto') {
            cookie.sameSite = isSecure ? 'none' : 'lax';
        }
    }

    /** Runs `work`, which must not wait, on behalf of one request. */
    public serve(owner: RequestSession, work: () => void): void {
        const outer = this.serving;
        this.serving = owner;
        try {
            work();
        } finally {
            this.serving = outer;
        }
    }

    public override get(id: string, done: Done<SessionData | null>): void {
        if (this.serving) {
            // Without the data, which the middleware would hash: createSession has it from the request itself.
            const { record } = this.serving;
            done(undefined, record ? ({ cookie: this.layer.repository.cookieOf(record) } as SessionData) : null);
            return;
        }
        this.reply(done, async () => {
            const found = await this.find(id);
            return found.kind === 'live' ? this.shown(found.record) : null;
        });
    }

    public override set(id: string, data: SessionData, done?: Done): void {
        this.reply(done, async () => {
            const { repository } = this.layer;
            const { cookie, ...keys } = JSON.parse(JSON.stringify(data)) as { cookie: StoredCookie };
            const set = storable(keys, this.layer.limits);
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
                await this.layer.repository.touch(storedAs(id), found);
            }
        });
    }

    public override destroy(id: string, done?: Done): void {
        this.reply(done, async () => {
            await this.find(id); // one under its plain id moves to its key
            await this.layer.repository.end(storedAs(id), 'destroyed');
        });
    }

    public override regenerate(request: Request, done: Done): void {
        this.reply(done, async () => sessionOf(request)?.regenerate());
    }

    /** All live sessions by their keys, which the other methods take like ids: the ids themselves are not stored. */
    public override all(done: Done<{ [id: string]: SessionData }>): void {
        this.reply(done, async () => {
            const all: { [id: string]: SessionData } = {};
            for await (const { id, record } of this.layer.repository.live()) {
                all[id] = this.shown(record);
            }
            return all;
        });
    }

    public override length(done: Done<number>): void {
        this.reply(done, async () => {
            let count = 0;
            for await (const _ of this.layer.repository.live()) {
                count += 1;
            }
            return count;
        });
    }

    /** Ends all sessions. */
    public override clear(done?: Done): void {
        this.reply(done, async () => {
            for await (const { id } of this.layer.repository.live()) {
                await this.layer.repository.end(id, 'destroyed');
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
        made.cookie = inflateCookie(this.layer.repository.cookieOf(record)) as HttpSession['cookie'];
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
        return { ...record.data, cookie: this.layer.repository.cookieOf(record) } as never;
    }

    private find(id: string): MaybePromise<LoadResult> {
        return isSessionKey(id) ? this.layer.repository.load(id) : this.layer.repository.find(id);
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
