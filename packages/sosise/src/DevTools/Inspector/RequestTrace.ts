import type { Request } from 'express';
import type { Reading } from '../../Session/Object/ChangeTracker.js';
import type { HttpSession } from '../../Session/Object/HttpSession.js';
import type { LiveRecord } from '../../Session/Record/SessionRecord.js';
import { fingerprintOf } from '../../Session/Record/storageKeys.js';
import { SessionEndedException } from '../../Session/Repository/SessionErrors.js';
import type { RequestSession } from '../../Session/Request/RequestSession.js';
import { sessionOf } from '../../Session/Request/requestSessions.js';
import { StoreUse } from './StoreUse.js';
import { shortened, shortLabelOf, shownJson } from './shownValues.js';
import { watchReads } from './watchReads.js';

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

/** What one request does with its session, while it does it. */
export class RequestTrace {
    public readonly store = new StoreUse();
    public readonly reads = new Set<string>();
    /** The session that the request came with, by its fingerprint; undefined: none that lives. */
    public from: string | undefined;
    /** It was stored when the headers had left. */
    public wasSavedLate = false;
    private became: Outcome = 'none';
    private isFrameworkReading = false;
    private readonly stored = new Map<string, Change>();
    /** Changed by the route, and not stored yet. */
    private pending: readonly Change[] = [];

    private constructor(private readonly request: Request) {}

    /** That of a request; one that passed by the recorder has one for itself. */
    public static of(request: Request): RequestTrace {
        const trace = traces.get(request) ?? new RequestTrace(request);
        traces.set(request, trace);
        return trace;
    }

    /** Undefined: the request has not come so far, or is refused. */
    public get session(): RequestSession | undefined {
        return sessionOf(this.request);
    }

    /** The session that the request leaves behind, by its fingerprint. */
    public get to(): string | undefined {
        const { session } = this;
        return session?.loaded && session.stage !== 'endedHere' ? fingerprintOf(session.key) : undefined;
    }

    /** What became of the session. */
    public get outcome(): Outcome {
        const { session } = this;
        const failure = session?.failures?.first ?? session?.answerFailure;
        if (failure instanceof SessionEndedException) {
            return 'discarded';
        }
        if (failure !== undefined || session?.loadFailure !== undefined) {
            return 'failed';
        }
        if (session?.stage === 'endedHere') {
            return 'ended';
        }
        if (this.became !== 'none') {
            return this.became;
        }
        if (session?.stage === 'endedElsewhere') {
            return this.pending.length > 0 ? 'discarded' : 'none';
        }
        return session?.loaded ? 'skipped' : 'none';
    }

    /** Changes that were stored, and those that were not. */
    public get changes(): readonly Change[] {
        return [...new Map([...this.stored, ...this.pending.map(named)]).values()];
    }

    /** From now on, reads of the session's keys are noted. */
    public watch(session: HttpSession): void {
        this.whileFrameworkReads(() =>
            watchReads(session, (key) => {
                if (!this.isFrameworkReading) {
                    this.reads.add(this.reads.size < MOST_READS ? shortLabelOf(key) : 'and more');
                }
            }),
        );
    }

    /** What the framework reads is no read of the route's. */
    public whileFrameworkReads<T>(read: () => T): T {
        this.isFrameworkReading = true;
        try {
            return read();
        } finally {
            this.isFrameworkReading = false;
        }
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

    public note(outcome: Outcome): void {
        if (outcome === 'created' || outcome === 'saved') {
            for (const change of this.pending) {
                this.stored.set(change.key, change);
            }
            this.pending = [];
        }
        if (!isLess(outcome, this.became)) {
            this.became = outcome;
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
        (outcome === 'saved' && earlier === 'created') ||
        (outcome === 'touched' && earlier !== 'none') ||
        (outcome === 'skipped' && earlier !== 'none')
    );
}

function named(change: Change): [string, Change] {
    return [change.key, change];
}
