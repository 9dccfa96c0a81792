import type { MaybePromise } from '../../Support/MaybePromise.js';
import { TwoGenerationCache } from '../../Support/TwoGenerationCache.js';
import type { SessionCookieConfig, SessionLimit } from '../Config/SessionConfig.js';
import type { SessionDriver, StoredRecord } from '../Drivers/SessionDriver.js';
import { type WalkOptions, walkRecords } from '../Drivers/walkRecords.js';
import { noChannels, type SessionEventChannels } from '../Events/channels.js';
import type { StoredCookie } from '../Record/CookieSettings.js';
import { CookieSettingsOfToday } from '../Record/CookieSettingsOfToday.js';
import { DamagedRecordError } from '../Record/DamagedRecordError.js';
import { parseRecord } from '../Record/parseRecord.js';
import { type LifetimeOptions, SessionLifetime } from '../Record/SessionLifetime.js';
import type { EndedRecord, LiveRecord, ParsedRecord } from '../Record/SessionRecord.js';
import { isPlainId, isSessionKey, keyOf, type RecordKey, type SessionId } from '../Record/storageKeys.js';
import type { SessionSchema } from '../Schema/SessionSchema.js';
import { type LoadResult, NONE } from './LoadedSession.js';
import { Quarantine } from './Quarantine.js';
import { type Action, StoreCalls } from './StoreCalls.js';

export interface RepositoryOptions extends LifetimeOptions {
    /** The cookie's settings of the config. Unset: each session keeps its own. */
    cookie?: SessionCookieConfig;
    /** What the config says of the keys. Unset: they may hold anything. */
    schema?: SessionSchema | undefined;
    /** How long the store may take to answer, in ms. */
    timeoutMs: number;
    /** How long damaged records are kept for a person to look at, in ms. */
    keepDamagedMs: number;
    warn(message: string, context: Record<string, unknown>): void;
    /** Who is told what happens to sessions. Unset: nobody. */
    events?: SessionEventChannels;
    /** How many sessions a user may have. Unset: any number. */
    limit?: SessionLimit;
}

/** A session, or the tombstone of one, with the text of its record. Its data may be damaged: it is parsed when it is asked for. */
export interface FoundSession<Found = LiveRecord | EndedRecord> {
    readonly key: RecordKey;
    readonly record: Found;
    readonly text: string;
}

/** What is to know when sessions end. */
export interface EndsListener {
    ended(key: RecordKey): void;
    stop(): void;
}

const DAY_MS = 86_400_000;
/** For so long a tombstone tells requests that still come with its id how the session ended. */
export const ENDED_KEPT_MS = DAY_MS;
/** Records longer than this are not kept parsed. */
const LONGEST_PARSED = 8_192;

/** Reads what is stored, and says what it means: a live session, a tombstone, or nothing. */
export abstract class SessionReader {
    /** When sessions end. */
    public readonly lifetime: SessionLifetime;
    public readonly calls: StoreCalls;
    public readonly events: SessionEventChannels;
    public readonly quarantine: Quarantine;
    public readonly cookies: CookieSettingsOfToday | undefined;
    /** Is told of each tombstone; made once something is open that is to be closed with its session. */
    public ends: EndsListener | undefined;
    /** Reads need no time limit here. */
    private readonly isBounded: boolean;
    /**
     * Records that were read or written lately. They hold for their whole text only, so that nothing here can be out of date.
     * A visitor's next request copies what is parsed, and is compared with it: without, a read of 1 KB takes 140 in place of 102 µs,
     * a change 162 in place of 142 (Node.js 24; 127 and 94, 145 and 133 on 26).
     */
    private readonly parsed = new TwoGenerationCache<{ readonly text: string; readonly record: LiveRecord }>(2_000);

    public constructor(
        public readonly driver: SessionDriver,
        public readonly options: RepositoryOptions,
    ) {
        this.lifetime = new SessionLifetime(options);
        this.cookies = options.cookie && new CookieSettingsOfToday(options.cookie, this.lifetime);
        this.events = options.events ?? noChannels();
        this.calls = new StoreCalls(options.timeoutMs, this.events);
        this.quarantine = new Quarantine(driver, options.warn);
        this.isBounded = (driver.abilities?.answersWithinMs ?? Number.POSITIVE_INFINITY) <= options.timeoutMs;
    }

    /** A session that is stored under its plain id, as the stock packages write it, moves to its key. */
    protected abstract adoptPlain(id: SessionId, key: RecordKey): MaybePromise<LoadResult>;

    /** The session that an id names. */
    public find(id: SessionId, key: RecordKey = keyOf(id)): MaybePromise<LoadResult> {
        const found = this.load(key);
        return found instanceof Promise
            ? found.then((session) => this.orPlain(id, key, session))
            : this.orPlain(id, key, found);
    }

    private orPlain(id: SessionId, key: RecordKey, found: LoadResult): MaybePromise<LoadResult> {
        return found.kind === 'none' && isPlainId(id) ? this.adoptPlain(id, key) : found;
    }

    /** The session that is stored under a key, unless it is damaged. `action`: what can't be done where it can't be read. */
    public load(key: RecordKey, action: Action = 'loaded'): MaybePromise<LoadResult> {
        let found: MaybePromise<StoredRecord | undefined>;
        try {
            found = this.driver.read(key);
        } catch (error) {
            return this.notRead(key, error, action);
        }
        if (!(found instanceof Promise)) {
            return this.judge(key, found);
        }
        const judged = found.then((stored) => this.judge(key, stored));
        const limited = this.isBounded ? judged : this.calls.inTime(action, judged);
        return limited.catch((error) => this.notRead(key, error, action));
    }

    /** Whether the driver can walk all sessions. */
    public get canList(): boolean {
        return this.driver.abilities?.lists !== false;
    }

    /** All sessions that live, in the driver's order. Looking changes nothing; one that moves meanwhile may come twice. */
    public async *live(options: WalkOptions = {}): AsyncGenerator<FoundSession<LiveRecord>> {
        for await (const { key, record, text } of this.found(options)) {
            if (record.kind === 'live') {
                yield { key, record, text };
            }
        }
    }

    /** The same with those that have ended, as long as something of them is stored. */
    public async *found(options: WalkOptions = {}): AsyncGenerator<FoundSession> {
        try {
            for await (const { key, record: text, parsed } of walkRecords(this.driver, options)) {
                if ((parsed?.kind === 'live' || parsed?.kind === 'ended') && (isSessionKey(key) || isPlainId(key))) {
                    yield { key, record: this.asItIs(parsed), text };
                }
            }
        } catch (error) {
            throw this.calls.unavailable('loaded', '', error);
        }
    }

    /** What has expired is as good as ended, before something removes it. */
    public asItIs(record: LiveRecord | EndedRecord): LiveRecord | EndedRecord {
        return record.kind === 'ended' || this.lifetime.lives(record)
            ? record
            : { kind: 'ended', ...this.lifetime.endOf(record) };
    }

    /** The same for a request that looks into the session: its data is in today's form. */
    public open(key: RecordKey, found: LoadResult): LoadResult {
        const sound = this.sound(key, found);
        const { schema } = this.options;
        if (!schema || sound.kind !== 'live') {
            return sound;
        }
        const record = schema.today(sound.record);
        return record === sound.record ? sound : { ...sound, record };
    }

    /** One whose data can't be parsed is damaged. */
    protected sound(key: RecordKey, found: LoadResult): LoadResult {
        if (found.kind !== 'live') {
            return found;
        }
        try {
            void (found.record.cookie && found.record.data); // parsed now
            return found;
        } catch (error) {
            this.quarantine.take(key, error);
            return NONE;
        }
    }

    /** The one place that says whether a session is over: a tombstone says so, or its time. */
    public judge(key: RecordKey, stored: StoredRecord | undefined): LoadResult {
        const now = Date.now();
        const record = stored && this.parse(key, stored.record, now);
        if (!record || record.kind === 'user') {
            return NONE;
        }
        if (record.kind === 'ended') {
            return now - record.at > ENDED_KEPT_MS ? NONE : { ...record, stored };
        }
        const { endsAt, reason } = record.life ?? this.lifetime.lifeOf(record);
        if (now <= endsAt) {
            return { kind: 'live', stored, record };
        }
        return now - endsAt > ENDED_KEPT_MS ? NONE : { kind: 'ended', at: endsAt, reason, stored };
    }

    /** Undefined: the record is damaged, and on its way into quarantine. */
    public parse(key: RecordKey, text: string, now: number): ParsedRecord | undefined {
        const known = this.parsed.find(key);
        const record = known?.text === text ? known.record : undefined;
        if (record && record.seen <= now && record.created <= now && (record.login?.at ?? 0) <= now) {
            return record; // unless the clock was set back since: then it is parsed again
        }
        try {
            const found = parseRecord(text, now);
            if (found.kind === 'live') {
                this.keepParsed(key, text, found);
            }
            return found;
        } catch (error) {
            this.quarantine.take(key, error);
            return undefined;
        }
    }

    public keepParsed(key: RecordKey, text: string, record: LiveRecord): void {
        if (text.length <= LONGEST_PARSED) {
            this.parsed.remember(key, { text, record });
        }
    }

    /** A session's cookie as it is today: its own settings, and else the config's. */
    public cookieOf(record: LiveRecord): StoredCookie {
        const life = record.life ?? this.lifetime.lifeOf(record);
        if (life.cookie) {
            return life.cookie;
        }
        const cookie = this.cookies ? this.cookies.of(record) : record.cookie;
        if (this.options.fixedEnd === undefined) {
            life.cookie = cookie; // else it comes nearer to its end all the time
        }
        return cookie;
    }

    private notRead(key: RecordKey, error: unknown, action: Action): LoadResult {
        if (error instanceof DamagedRecordError) {
            this.quarantine.take(key, error);
            return NONE;
        }
        throw this.calls.unavailable(action, key, error);
    }
}
