import type { Request } from 'express';
import type { Reading } from '../../Session/Object/SessionChanges.js';
import type { LiveRecord } from '../../Session/Record/SessionRecord.js';
import { StoreUse } from './StoreUse.js';
import { shortened, shortLabelOf, shownJson } from './shownValues.js';

/**
 * What became of the session: stored for the first time, stored, marked as active, left alone though there is one, nothing
 * (there is none), ended, changed in vain because it had ended, or not storable.
 */
export type Outcome = 'created' | 'saved' | 'touched' | 'skipped' | 'none' | 'ended' | 'discarded' | 'failed';

/** A key with what it held as JSON, shortened and with secrets masked; undefined: nothing. */
export interface Change {
    readonly key: string;
    readonly before: string | undefined;
    readonly after: string | undefined;
}

const MOST_CHANGES = 30;
const MOST_READS = 60;
const traces = new WeakMap<Request, RequestTrace>();

/** What a trace asks of the session: WatchedSession can tell. */
export interface TracedSession {
    /** The session that the request came with; undefined: none that lives. */
    readonly from: string | undefined;
    /** The session that the request leaves behind. */
    readonly to: string | undefined;
    /** Whether the route has looked at it. */
    readonly started: boolean;
    readonly outcome: Outcome;
    whyNoCookie(): string;
}

/** What one request does with its session, while it does it. */
export class RequestTrace {
    public readonly store = new StoreUse();
    public readonly reads = new Set<string>();
    public session: TracedSession | undefined;
    public outcome: Outcome = 'none';
    private readonly stored = new Map<string, Change>();
    /** Changed by the route, and not stored yet. */
    private pending: readonly Change[] = [];

    /** That of a request; one that passed by the recorder has one for itself. */
    public static of(request: Request): RequestTrace {
        const trace = traces.get(request) ?? new RequestTrace();
        traces.set(request, trace);
        return trace;
    }

    /** Changes that were stored, and those that were not. */
    public get changes(): readonly Change[] {
        return [...new Map([...this.stored, ...this.pending.map(named)]).values()];
    }

    public get hasPending(): boolean {
        return this.pending.length > 0;
    }

    public read(key: string): void {
        this.reads.add(this.reads.size < MOST_READS ? shortLabelOf(key) : 'and more');
    }

    /** The framework compared the session with what is stored. */
    public compared({ change, snapshot }: Reading, record: LiveRecord | undefined): void {
        const keys = change ? [...change.set.keys(), ...change.added.keys(), ...change.removed] : [];
        const changes = keys.slice(0, MOST_CHANGES).map((key) => {
            const json = snapshot.entries.get(key);
            return this.changeOf(key, record?.data[key], json === undefined ? undefined : JSON.parse(json));
        });
        this.pending = change?.cookie ? [...changes, this.changeOf('cookie', record?.cookie, change.cookie)] : changes;
    }

    /** A session of its own begins: what was changed in the one before is gone with it. */
    public renewed(): void {
        this.pending = [];
        this.stored.clear();
    }

    public became(outcome: Outcome): void {
        if (outcome === 'created' || outcome === 'saved') {
            for (const change of this.pending) {
                this.stored.set(change.key, change);
            }
            this.pending = [];
        }
        if (!isLess(outcome, this.outcome)) {
            this.outcome = outcome;
        }
    }

    private changeOf(key: string, before: unknown, after: unknown): Change {
        const label = shortLabelOf(key);
        const earlier = this.stored.get(label);
        const [old, now] = shortened(shownJson(key, before), shownJson(key, after));
        return { key: label, before: earlier ? earlier.before : old, after: now };
    }
}

/** Whether something else that became of the session says more than this, which came later. */
function isLess(outcome: Outcome, earlier: Outcome): boolean {
    return (
        earlier === 'failed' ||
        (outcome === 'saved' && earlier === 'created') ||
        (outcome === 'touched' && earlier !== 'none') ||
        (outcome === 'skipped' && earlier !== 'none')
    );
}

function named(change: Change): [string, Change] {
    return [change.key, change];
}
