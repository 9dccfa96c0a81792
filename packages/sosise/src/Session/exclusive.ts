import type { RequestHandler } from 'express';
import type { Lease } from '../Support/Lease.js';
import { HeldLock } from './Drivers/HeldLock.js';
import { SessionBusyException } from './Repository/SessionErrors.js';
import type { RequestSession } from './Request/RequestSession.js';
import { sessionOf } from './Request/requestSessions.js';
import { noteLoss } from './Request/sessionWrites.js';

/**
 * Route middleware that lets the exclusive requests of one session run one after another: `router.post('/buy', exclusive(), …)`.
 * It locks the session's key: among all processes with files, Redis and databases, in this process with memory and plain
 * express-session stores. A request without it does not wait: what it changes is merged. Nor does a visitor wait who has no stored
 * session yet, and different sessions never wait for each other.
 *
 * The lock is held until the answer has left, however long the route takes; a process that stands still for seconds may lose it,
 * and then stores nothing (503). `lockTimeoutMs` of the session config bounds only the waiting (then 503). After it the session is
 * read again, and what this request changed earlier is kept. When the client goes away before its answer begins, the lock is held
 * until the route answers, or for half of `lockTimeoutMs`; what the route changes after that is not stored. A session that gets a new id meanwhile needs no new lock: no other request knows that id yet.
 */
export function exclusive(): RequestHandler {
    return async function exclusive(request, response, next) {
        const session = sessionOf(request);
        if (session?.stage === 'live' && !session.lock) {
            const lock = await acquireLock(session);
            const { plan } = session; // from now on it knows when the answer leaves
            const release = () => void lock.release();
            if (response.closed || response.destroyed) {
                release();
                return;
            }
            // When the client has gone, the route still works; who waits for the lock waits no longer than lockTimeoutMs.
            const waitMs = session.services.settings.lockTimeoutMs / 2;
            response.once('close', () => plan.onceAnswering(release, waitMs));
            await refresh(session);
        }
        next();
    };
}

/** Waits until no other request holds the lock of the session's key. */
async function acquireLock(session: RequestSession): Promise<HeldLock> {
    const { lockTimeoutMs } = session.services.settings;
    let lease: Lease | undefined;
    try {
        lease = await session.services.driver.lock(session.key, lockTimeoutMs);
    } catch (error) {
        throw session.services.repository.calls.unavailable('loaded', session.key, error);
    }
    if (!lease) {
        throw new SessionBusyException(lockTimeoutMs);
    }
    session.lock = new HeldLock(lease);
    return session.lock;
}

/** Reads what the request that held the lock before has stored. What this one has changed already is applied to it. */
async function refresh(session: RequestSession): Promise<void> {
    const { repository } = session.services;
    const found = repository.open(session.key, await repository.load(session.key));
    if (session.stage === 'endedHere') {
        return; // by this request, meanwhile
    }
    if (found.kind === 'live') {
        session.rebase(found);
        return;
    }
    session.stage = 'endedElsewhere';
    noteLoss(session, session.object && session.read(session.object).change); // an answer below 400 becomes a 409
    if (session.object) {
        session.replaceByNew(session.services.newId(session.request)); // what it shows has ended
        session.mustStore = false;
    }
    session.loaded = undefined;
    session.stage = 'endedElsewhere';
}
