import { Throttle } from '../../Support/Throttle.js';
import { TimeSlice } from '../../Support/TimeSlice.js';
import type { RecordKey } from '../Record/storageKeys.js';
import type { LoadResult } from '../Repository/LoadedSession.js';
import type { EndsListener, SessionReader } from '../Repository/SessionReader.js';
import { withoutId } from '../Repository/StoreCalls.js';

/** What is open, and is to be closed when its session ends. */
export interface OpenThing {
    /** Where its session is stored; another key once that has moved. */
    key: RecordKey;
    /** It is closed: by itself, or as its session has ended. */
    isOver: boolean;
    readonly close: () => void;
}

/** Other processes end sessions, too, and time does: within a second of that it is known here. */
const LOOK_EVERY_MS = 900;
/** Sessions that one question to the store is about. */
const AT_ONCE = 100;

/**
 * Closes what is open when its session ends: at once where that happens in this process, else at the next round. A round reads
 * each session once, however much is open by it, and counts as nobody's activity. A store in trouble closes nothing.
 */
export class SessionEnds implements EndsListener {
    private readonly open = new Map<RecordKey, Set<OpenThing>>();
    private readonly trouble = new Throttle();
    private timer: NodeJS.Timeout | undefined;
    private isStopped = false;

    public constructor(private readonly reader: SessionReader) {}

    public add(thing: OpenThing): void {
        this.put(thing);
        this.timer ??= this.roundAfter(LOOK_EVERY_MS);
        this.ended(thing.key); // it may have since somebody looked
    }

    public forget(thing: OpenThing): void {
        thing.isOver = true;
        const others = this.open.get(thing.key);
        if (others?.delete(thing) && others.size === 0) {
            this.open.delete(thing.key);
        }
    }

    /** Is told of each tombstone that this process writes. */
    public ended(key: RecordKey): void {
        if (this.open.has(key)) {
            void this.look([key]);
        }
    }

    /** Tells, once a minute, that the store could not be asked. */
    public failed(error: unknown): undefined {
        if (!this.isStopped && this.trouble.isDue()) {
            this.reader.options.warn(
                'The store could not say which sessions have ended: what is open by them stays open until it can.',
                { error: withoutId('', error) },
            );
        }
    }

    public stop(): void {
        this.isStopped = true;
        this.open.clear();
        clearTimeout(this.timer);
    }

    private put(thing: OpenThing): void {
        const others = this.open.get(thing.key);
        if (thing.isOver || this.isStopped || others?.add(thing)) {
            return;
        }
        this.open.set(thing.key, new Set([thing]));
    }

    private roundAfter(ms: number): NodeJS.Timeout {
        return setTimeout(() => void this.round(), ms).unref();
    }

    /** A slow store gets as much rest as it took. */
    private async round(): Promise<void> {
        const started = performance.now();
        await this.look([...this.open.keys()]);
        const took = performance.now() - started;
        this.timer = this.open.size > 0 ? this.roundAfter(Math.max(LOOK_EVERY_MS - took, took)) : undefined;
    }

    private async look(keys: readonly RecordKey[]): Promise<void> {
        const slice = new TimeSlice();
        for (let at = 0; at < keys.length; at += AT_ONCE) {
            const some = keys.slice(at, at + AT_ONCE);
            const found = await this.read(some);
            for (const [index, key] of some.entries()) {
                await this.settle(key, found[index], slice);
            }
            if (slice.isOver) {
                await slice.rest();
            }
        }
    }

    /** Undefined: not known. */
    private async read(keys: readonly RecordKey[]): Promise<readonly (LoadResult | undefined)[]> {
        const { reader } = this;
        const { driver, calls } = reader;
        const failed = (error: unknown) => this.failed(error);
        try {
            const many = keys.length > 1 && (await calls.inTime('loaded', Promise.resolve(driver.readMany?.(keys))));
            const load = async (key: RecordKey) => {
                const stored = many ? many.get(key) : undefined;
                return stored ? reader.judge(key, stored) : reader.load(key);
            };
            return await Promise.all(keys.map((key) => load(key).catch(failed)));
        } catch (error) {
            failed(error);
            return [];
        }
    }

    /** A session with a new id, as after a login, is followed there. */
    private async settle(key: RecordKey, found: LoadResult | undefined, slice: TimeSlice): Promise<void> {
        const those = this.open.get(key);
        if (!those || !found || found.kind === 'live') {
            return;
        }
        this.open.delete(key);
        const to = found.kind === 'ended' && found.reason === 'migrated' ? found.to : undefined;
        for (const thing of those) {
            if (to !== undefined) {
                thing.key = to;
                this.put(thing);
            } else if (!thing.isOver) {
                thing.isOver = true;
                thing.close();
                if (slice.isOver) {
                    await slice.rest();
                }
            }
        }
        if (to !== undefined) {
            this.ended(to);
        }
    }
}
