import type { Secret } from '../../Config/secrets.js';
import { headersHaveLeft } from '../../Http/ResponseGate.js';
import { andThen } from '../../Support/andThen.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import type { Reading } from '../Object/ChangeTracker.js';
import { onlyTakesFlash } from '../Object/SessionFlash.js';
import type { SessionChange } from '../Record/SessionChange.js';
import type { Login } from '../Record/SessionRecord.js';
import { fingerprintOf, keyOf, type SessionId } from '../Record/storageKeys.js';
import type { LoadedSession } from '../Repository/LoadedSession.js';
import { SessionEndedException } from '../Repository/SessionErrors.js';
import { sealSuccessorId } from '../Repository/sealedSuccessorId.js';
import { mustRenewCookie } from './mustRenewCookie.js';
import type { RequestState } from './RequestState.js';
import { missCookie } from './reachability.js';

/*
 * What a request writes to the store, and what that makes of its session. Creating, saving and moving give false where the
 * session has ended meanwhile, and nothing was stored.
 */

/** Stores a new session. */
export function createSession(state: RequestState, reading: Reading, login?: Login): MaybePromise<boolean> {
    const { repository } = state.services;
    const before = state.endReason === undefined ? undefined : state.cookie?.key;
    state.storedId = state.id;
    const created = state.changes.store(reading, (change) =>
        repository.create(state.key, reading.snapshot.cookie, change, login, state),
    );
    return andThen(created, (stored) => {
        const isStored = settle(state, stored, reading);
        state.isCookieDue = isStored;
        if (isStored) {
            state.services.events.created?.emit({ key: state.key, user: state.owner?.user }, state);
            if (headersHaveLeft(state.response)) {
                missCookie(state, 'headersSent');
            }
        }
        if (!isStored || before === undefined) {
            return isStored;
        }
        return repository.replace(before, state.key).then(
            () => true,
            () => true, // the tombstone stays as it is
        );
    });
}

/** Stores what the route has changed. */
export function saveSession(state: RequestState, reading: Reading): MaybePromise<boolean> {
    const renewsCookie = mustRenewCookie(state, reading.change);
    const { key, lock, services } = state;
    const saving = state.changes.store(reading, (change) =>
        services.repository.save(key, state.loaded as LoadedSession, change, { lock, renewsCookie }),
    );
    const saved = (stored: LoadedSession | undefined): boolean => {
        const isStored = settle(state, stored, reading);
        state.isCookieDue ||= isStored && renewsCookie;
        if (isStored) {
            state.services.events.saved?.emit({ key: state.key, user: state.owner?.user, outcome: 'saved' }, state);
        }
        return isStored;
    };
    if (!(saving instanceof Promise)) {
        return saved(saving);
    }
    lock?.storesUntil(saving);
    return saving.then(saved);
}

/** Writes down that the session is in use. Where that fails it is as it was, and the next request tries again. */
export function touchSession(state: RequestState): MaybePromise<void> {
    const { repository, log, events } = state.services;
    const renewsCookie = mustRenewCookie(state, undefined);
    const settled = (touched: LoadedSession | undefined): void => {
        state.changes.storeAsPatches();
        if (!touched) {
            state.stage = 'endedElsewhere';
            return; // its cookie must not replace the browser's newer one
        }
        state.loaded = touched;
        state.isCookieDue ||= renewsCookie;
        events.saved?.emit({ key: state.key, user: state.owner?.user, outcome: 'touched' }, state);
    };
    const failed = (error: unknown): void => {
        log.warning('A session could not be marked as active.', { ...logContextOf(state), error });
    };
    try {
        const touching = repository.touch(state.key, state.loaded as LoadedSession, { renewsCookie });
        return touching instanceof Promise ? touching.then(settled).catch(failed) : settled(touching);
    } catch (error) {
        failed(error);
    }
}

/** Moves the session to a new id. With a login it becomes that user's, and its life begins again. */
export async function moveSession(
    state: RequestState,
    newId: SessionId,
    reading: Reading,
    login?: Login,
): Promise<boolean> {
    const options = { login, sealedId: login && sealedFor(state, newId), lock: state.lock, origin: state };
    const moving = Promise.resolve(
        state.changes.store(reading, (change) =>
            state.services.repository.migrate(state.key, keyOf(newId), state.loaded as LoadedSession, change, options),
        ),
    );
    state.lock?.storesUntil(moving);
    const stored = await moving;
    const { key } = state;
    if (stored) {
        state.id = newId;
        state.storedId = newId;
    }
    const isStored = settle(state, stored, reading);
    state.isCookieDue ||= isStored;
    if (isStored) {
        const { events } = state.services;
        events.migrated?.emit({ key, user: state.owner?.user, to: fingerprintOf(state.key) }, state);
    }
    return isStored;
}

/** Ends the session for good. */
export async function endSession(state: RequestState, toldReason?: 'logout'): Promise<void> {
    const { stage, storedKey, services } = state;
    state.stage = 'endedHere';
    if (stage !== 'live' && stage !== 'endedElsewhere') {
        return;
    }
    try {
        const wasAlive = await services.repository.end(storedKey, 'destroyed', { origin: state, toldReason });
        state.isClearDue ||= wasAlive;
    } catch (error) {
        state.stage = stage; // it may be tried again
        throw error;
    }
}

/** An id that takes the session's place, encrypted for the tombstone. */
export function sealedFor(state: RequestState, id: SessionId): string {
    return sealSuccessorId(id, state.storedId, state.services.settings.secrets[0] as Secret);
}

/**
 * Throws where changes were lost, as the session has ended meanwhile: they are no success. An answer from 400 on stays as it
 * is, and a request that only reads goes on, without a cookie.
 */
export function refuseLoss(state: RequestState, reading: Reading | undefined, status = 200): void {
    noteLoss(state, reading?.change);
    if (state.hasLostChanges && status < 400) {
        throw new SessionEndedException();
    }
}

/** Says once that changes were lost, where they were. That a page has shown what was flashed is no loss. */
export function noteLoss(state: RequestState, change: SessionChange | undefined): void {
    if (state.stage === 'endedElsewhere' && change && !onlyTakesFlash(change) && !state.hasLostChanges) {
        const { events, log } = state.services;
        state.hasLostChanges = true;
        events.refused?.emit({ key: state.storedKey, user: state.owner?.user, reason: 'ended' }, state);
        log.warning(
            'A session ended while a request was using it: what the request changed is discarded.',
            logContextOf(state),
        );
    }
}

/** @param stored What a write gave: what is stored now, or undefined, as the session had ended. */
function settle(state: RequestState, stored: LoadedSession | undefined, { change }: Reading): boolean {
    const { events } = state.services;
    if (stored) {
        state.stage = 'live';
        state.loaded = stored;
        state.isTouchDue = false;
        state.failures?.succeeded('save');
        if (stored.isMerged) {
            events.merged?.emit({ key: state.key, user: state.owner?.user }, state);
        }
    } else {
        state.stage = 'endedElsewhere';
        noteLoss(state, change);
    }
    return stored !== undefined;
}

/** What the log says of a request: no id, nothing of the session. */
export function logContextOf(state: RequestState): Record<string, unknown> {
    const { method, path } = state.request;
    return { method, path, ...(state.id !== '' && { fingerprint: fingerprintOf(state.storedKey) }) };
}
