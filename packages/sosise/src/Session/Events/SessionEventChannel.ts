import { fingerprintOf, isSessionKey, isUserKey, keyOf, type RecordKey } from '../Record/storageKeys.js';
import type {
    EventOrigin,
    Occurrence,
    SessionEvent,
    SessionEventListener,
    SessionEventName,
    SessionEventWatcher,
} from './sessionEvent.js';

/** The events of one name. There is a channel for as long as somebody listens: who emits asks for it first, and makes no event else. */
export class SessionEventChannel<Name extends SessionEventName = SessionEventName> {
    public readonly listeners = new Set<SessionEventListener<Name>>();
    public readonly watchers = new Set<SessionEventWatcher<Name>>();
    /** Are told at once what an event would be made of. For these alone, none is made. */
    public readonly counters: ((occurrence: Occurrence<Name>) => void)[] = [];

    /** @param enqueue Delivers an event to the listeners, later. */
    public constructor(
        private readonly name: Name,
        private readonly enqueue: (event: SessionEvent<Name>) => void,
    ) {}

    /** Whether somebody wants events. */
    public get isHeard(): boolean {
        return this.listeners.size > 0 || this.watchers.size > 0;
    }

    public get isUnused(): boolean {
        return !this.isHeard && this.counters.length === 0;
    }

    /** Tells that something has happened; `origin` is the request by which it has. */
    public emit(occurrence: Occurrence<Name>, origin?: EventOrigin): void {
        for (const count of this.counters) {
            count(occurrence);
        }
        if (this.isHeard) {
            this.tell(occurrence, origin);
        }
    }

    private tell({ key, user, at = Date.now(), ...details }: Occurrence<Name>, origin?: EventOrigin): void {
        const event = Object.freeze({
            name: this.name,
            at,
            fingerprint: key ? shownName(key) : undefined,
            user,
            requestId: origin?.request.requestId,
            address: origin?.address,
            ...details,
        }) as unknown as SessionEvent<Name>;
        for (const watch of this.watchers) {
            watch(event, origin?.request);
        }
        if (this.listeners.size > 0) {
            this.enqueue(event);
        }
    }
}

/** Undefined for what is no session. One that is stored under its id as it is has the name of its key. */
function shownName(key: RecordKey): string | undefined {
    return isUserKey(key) ? undefined : fingerprintOf(isSessionKey(key) ? key : keyOf(key as string));
}
