import type { Request } from 'express';
import session, { type SessionData } from 'express-session';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import { storable } from '../Object/storable.js';
import type { StoredCookie } from '../Record/CookieSettings.js';
import type { SessionChange } from '../Record/SessionChange.js';
import type { LiveRecord } from '../Record/SessionRecord.js';
import { isSessionKey, keyOf } from '../Record/storageKeys.js';
import type { LoadResult } from '../Repository/LoadedSession.js';
import { sessionOf } from './requestSessions.js';
import type { SessionServices } from './SessionServices.js';

type Done<T = void> = (error: unknown, result?: T) => void;

/** `request.sessionStore`: what express-session's stores can do, by way of the repository. */
export class ExpressStore extends session.Store {
    public constructor(private readonly services: SessionServices) {
        super();
    }

    /** Makes a new, empty session with a new id for a request. */
    public generate(request: Request): void {
        sessionOf(request)?.replaceByNew(this.services.newId(request));
    }

    public override get(id: string, done: Done<SessionData | null>): void {
        this.reply(done, async () => {
            const found = await this.find(id);
            return found.kind === 'live' ? this.dataOf(found.record) : null;
        });
    }

    public override set(id: string, data: SessionData, done?: Done): void {
        this.reply(done, async () => {
            const { repository, events } = this.services;
            const { cookie, ...keys } = JSON.parse(JSON.stringify(data)) as { cookie: StoredCookie };
            const set = storable(keys, this.services.limits);
            const key = storedAs(id);
            const found = await this.find(id);
            if (found.kind === 'live') {
                const { data, shown = data } = this.today(found.record);
                const removed = new Set(Object.keys(shown)); // before the others are set
                const saved = await repository.save(key, found, { set, removed, added: new Map(), cookie });
                if (saved) {
                    events.saved?.emit({ key, user: saved.record.login?.user, outcome: 'saved' });
                }
            } else if (found.kind === 'none') {
                await repository.create(key, cookie, { set, removed: new Set(), added: new Map() } as SessionChange);
                events.created?.emit({ key });
            }
        });
    }

    public override touch(id: string, _data: SessionData, done?: Done): void {
        this.reply(done, async () => {
            const found = await this.find(id);
            if (found.kind === 'live') {
                const { repository, events } = this.services;
                const key = storedAs(id);
                if (await repository.touch(key, found)) {
                    events.saved?.emit({ key, user: found.record.login?.user, outcome: 'touched' });
                }
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
        this.reply(done, async () => sessionOf(request)?.actions.regenerate());
    }

    /** All live sessions by their keys, which the other methods take like ids: the ids themselves are not stored. */
    public override all(done: Done<{ [id: string]: SessionData }>): void {
        this.reply(done, async () => {
            const all: { [id: string]: SessionData } = {};
            const { repository } = this.services;
            for await (const { key, record, text } of repository.live()) {
                const found = repository.open(key, {
                    kind: 'live',
                    stored: { record: text, version: undefined },
                    record,
                });
                if (found.kind === 'live') {
                    all[key] = this.dataOf(found.record);
                }
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

    /** Gives a request its own session; `Store.load()` makes one of what is stored, for no request. */
    public override createSession(request: Request, data: SessionData): never {
        return (sessionOf(request) ? request.session : super.createSession(request, data)) as never;
    }

    private dataOf(record: LiveRecord): SessionData {
        // Copies: what a route does with them changes no other request's.
        return { ...this.today(record).copy(), cookie: { ...this.services.repository.cookieOf(record) } } as never;
    }

    /** As a route sees it. */
    private today(record: LiveRecord): LiveRecord {
        return this.services.repository.options.schema?.today(record) ?? record;
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
