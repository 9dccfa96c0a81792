import type { Secret } from '../../Config/secrets.js';
import { UnauthorizedException } from '../../Exceptions/UnauthorizedException.js';
import { type Action, ActionFailures } from '../Object/ActionFailures.js';
import type { HttpSession } from '../Object/HttpSession.js';
import type { EndReason, Login } from '../Record/SessionRecord.js';
import { keyOf, type RecordKey, type SessionId } from '../Record/storageKeys.js';
import { SessionEndedException } from '../Repository/SessionErrors.js';
import { openSuccessorId } from '../Repository/sealedSuccessorId.js';
import type { RequestState } from './RequestState.js';
import { mayCreate, refuseUnreachable } from './reachability.js';
import {
    createSession,
    endSession,
    logContextOf,
    moveSession,
    refuseLoss,
    saveSession,
    sealedFor,
} from './sessionWrites.js';

/** Of a browser's name, what tells it apart from others. */
const LONGEST_BROWSER_NAME = 200;
/** Of a session that ended so, nothing goes on: a login that is under way in it fails, as it would undo that. */
const ENDED_FOR_GOOD: ReadonlySet<EndReason> = new Set(['revoked', 'replaced', 'destroyed']);

/** What a route asks of its session that takes a call of the store: it is done one after another, before the answer leaves. */
export class SessionActions {
    public constructor(private readonly state: RequestState) {}

    public save(object: HttpSession): Promise<void> {
        const { state } = this;
        return this.enqueue('save', async () => {
            if (object !== state.object) {
                return; // another has taken its place
            }
            const reading = state.read(object);
            if (state.stage === 'live') {
                await saveSession(state, reading);
            } else if (state.stage === 'new' && mayCreate(state, reading)) {
                await createSession(state, reading);
            }
            refuseLoss(state, reading);
        });
    }

    /** Reads the session again; what this request has changed is dropped. */
    public reload(): Promise<void> {
        const { state } = this;
        return this.enqueue('reload', async () => {
            if (!state.adopt(await state.services.repository.load(state.key))) {
                state.stage = state.stage === 'live' ? 'endedElsewhere' : state.stage;
                throw new Error('failed to load session');
            }
        });
    }

    public destroy(): Promise<void> {
        Reflect.deleteProperty(this.state.request, 'session');
        return this.enqueue('end', () => endSession(this.state));
    }

    public regenerate(): Promise<void> {
        const { state } = this;
        if (state.response.headersSent) {
            state.services.log.warning(
                'A session was regenerated after the headers were sent: the browser keeps an id that has ended.',
                logContextOf(state),
            );
        }
        return this.enqueue('regenerate', () => this.restart());
    }

    /**
     * Gives the session a new id. One that has moved already is left where it is, and not followed: whoever knew the old id,
     * such as who has planted it, would get what its visitor has under the new one.
     */
    public async migrate(): Promise<void> {
        this.refuseIdAfterHeaders('request.session.migrate()');
        const { state } = this;
        return this.enqueue('migrate', async () => {
            if (state.stage === 'live') {
                await this.move();
            } else if (state.stage === 'new') {
                state.forget();
                state.id = state.services.newId(state.request);
            }
        });
    }

    /**
     * Makes the session a user's. One that is stored gets its new id in `move()`; one that is not keeps the id that it was just
     * made with, which nobody knows; one that the same user has just logged in elsewhere is joined under the id that it has there.
     * What another user had in it ends.
     */
    public async login(user: string): Promise<void> {
        this.refuseIdAfterHeaders('login()');
        const { state } = this;
        state.open();
        return this.enqueue('login', async () => {
            state.loggingIn = user;
            const before = state.owner;
            if (!state.object || state.stage === 'endedHere' || state.isUnset() || (before && before.user !== user)) {
                await state.services.repository.users.requireRoom(user, state);
                await this.restart();
            }
            const login = this.loginOf(user);
            let isDone = false;
            while (!isDone) {
                isDone =
                    (state.stage !== 'endedElsewhere' && (await this.logInto(login))) ||
                    (await this.joinSuccessor(user));
            }
            state.offersBinding = true;
            state.services.events.loggedIn?.emit({ key: state.key, user }, state);
        });
    }

    /** Ends the session, and takes it from its user's list. */
    public async logout(): Promise<void> {
        const { state } = this;
        state.open();
        Reflect.deleteProperty(state.request, 'session');
        return this.enqueue('end', async () => {
            const { owner, key, services } = state;
            await endSession(state, 'logout');
            state.clearsSiteData = true;
            if (owner) {
                await services.repository.users.remove(owner.user, new Set([key])).catch((error: unknown) => {
                    services.log.warning("A session that ended is still in its user's list.", {
                        ...logContextOf(state),
                        error,
                    });
                });
            }
        });
    }

    /** Runs a callback of the route; what it throws goes where the route's errors go. */
    public call(callback: (error?: unknown) => void, error?: unknown): void {
        try {
            callback(error);
        } catch (thrown) {
            this.state.next(thrown);
        }
    }

    /**
     * Runs what the route asks for after what it asked before. If it fails, the answer is no success.
     */
    private enqueue(action: Action, work: () => Promise<void>): Promise<void> {
        const { state } = this;
        const done = (state.pending ?? Promise.resolve()).then(work);
        const settled = done
            .then(
                () => state.failures?.succeeded(action),
                (error) => {
                    state.failures ??= new ActionFailures();
                    state.failures.add(action, error);
                },
            )
            .then(() => {
                if (state.pending === settled) {
                    state.pending = undefined;
                }
            });
        state.pending = settled;
        return settled.then(() => done);
    }

    /** Ends the session, and makes a new one. */
    private async restart(): Promise<void> {
        const { state } = this;
        const { services } = state;
        const id = services.newId(state.request);
        if (state.stage === 'live') {
            const options = { to: keyOf(id), sealedId: sealedFor(state, id), lock: state.lock, origin: state };
            const wasAlive = await services.repository.end(state.storedKey, 'regenerated', options);
            state.isClearDue ||= wasAlive;
        }
        state.replaceByNew(id);
    }

    /** Gives a stored session a new id. False: it has ended meanwhile. */
    private async move(login?: Login): Promise<boolean> {
        const { state } = this;
        refuseUnreachable(state);
        const newId = state.services.newId(state.request);
        return moveSession(state, newId, state.read(state.object as HttpSession), login);
    }

    private async logInto(login: Login): Promise<boolean> {
        const { state } = this;
        if (state.stage === 'live') {
            return this.move(login);
        }
        // The session is new, and keeps its id: the tombstone of the one before may name it.
        refuseUnreachable(state);
        state.forget();
        return createSession(state, state.read(state.object as HttpSession), login);
    }

    private loginOf(user: string): Login {
        const { request, address, services, isSecure } = this.state;
        return {
            user,
            at: Date.now(),
            binding: services.binding?.newBindingId(request, isSecure),
            ...(services.settings.registry.address && { address }),
            ...(services.settings.registry.browser && {
                browser: request.headers['user-agent']?.slice(0, LONGEST_BROWSER_NAME),
            }),
        };
    }

    /**
     * Another request, such as a first click on "log in", has given the session a new id. What is there is this login's
     * if it is the same user's; nobody else gets it by an id that has ended. Gives whether this one has joined it.
     */
    private async joinSuccessor(user: string): Promise<boolean> {
        const { state } = this;
        const { repository } = state.services;
        const found = await repository.load(state.storedKey);
        if (found.kind !== 'ended' || ENDED_FOR_GOOD.has(found.reason)) {
            throw new UnauthorizedException('Your session has ended meanwhile: please log in again.');
        }
        const next = await repository.successorOf(state.storedKey);
        const login = next?.session.record.login;
        if (next && login?.user === user) {
            const id = await this.successorId(next.key);
            if (id !== undefined) {
                state.rebase(next.session);
                state.id = id;
                state.storedId = id;
                state.hasLostChanges = false;
                state.isCookieDue = true;
                return true;
            }
        } else if (next && login) {
            await repository.users.requireRoom(user, this.state);
            await repository.end(next.key, 'regenerated', { origin: state }); // what another user had in it ends
        } else if (next && found.reason === 'migrated') {
            throw new SessionEndedException(); // a new one would be without what the visitor has there
        }
        await this.restart();
        return false;
    }

    /** The id of the session that took this one's place, where each step to it was a login. */
    private async successorId(key: RecordKey): Promise<SessionId | undefined> {
        const { repository, settings } = this.state.services;
        let id: SessionId | undefined = this.state.storedId;
        while (id !== undefined && keyOf(id) !== key) {
            const found = await repository.load(keyOf(id));
            const sealed = found.kind === 'ended' ? found.sealedId : undefined;
            id = sealed && openSuccessorId(sealed, id, settings.secrets[0] as Secret);
        }
        return id;
    }

    private refuseIdAfterHeaders(what: string): void {
        if (this.state.response.headersSent) {
            const reason = 'the answer has begun, so that the browser can not be given the new id';
            throw new Error(`${what} came too late: ${reason}.`);
        }
    }
}
