import type { Call } from './Browser.js';
import type { Op } from './Plan.js';

export type Data = Readonly<Record<string, unknown>>;

/** A session in the store, or its tombstone. */
export interface Stored {
    readonly live: boolean;
    readonly data: Data;
    readonly user?: string | undefined;
    readonly reason?: 'destroyed' | 'revoked' | 'migrated' | 'regenerated';
    /** Where it moved to. */
    readonly to?: string;
    /** Whether a login that comes with its id may find where it moved to. */
    readonly tells?: boolean;
    /** What its visitor began after it had ended. */
    readonly next?: string;
    /** When it ended, at the earliest and at the latest. */
    readonly from: number;
    readonly until: number;
}

/** What one request sees of its session, and has done so far. */
export interface Run {
    readonly call: number;
    /** The step that comes next. */
    readonly step: number;
    readonly mode: 'unread' | 'none' | 'live' | 'late' | 'ended';
    /** The name of its session, whether it is stored or about to be. */
    readonly name?: string | undefined;
    /** The name that the store knew the session by, for what ends it or follows it. */
    readonly storedName?: string | undefined;
    /** `request.session`, and what it was when it was loaded or last saved; null where it was taken away. */
    readonly view: Data | null;
    readonly base: Data;
    /** Whether that is stored: of a session that is not, the cookie's settings alone are no change. */
    readonly based: boolean;
    readonly added: Readonly<Record<string, number>>;
    readonly user?: string | undefined;
    /** A new session is stored even while it is empty. */
    readonly must: boolean;
    /** The flashed values that are this request's own, and those that the page has taken. */
    readonly fresh: readonly string[];
    readonly taken: Data;
    /** The status of what failed: no success may follow. */
    readonly failed: number;
    /** Something that it changed was not stored. */
    readonly lost: boolean;
    /** Something that it changed before it began a new session may be lost: then it is told so. */
    readonly mayBeLost: boolean;
    /** It ended a session: should no other follow, the cookie is cleared. */
    readonly hasEnded: boolean;
    readonly unset: boolean;
    /** A login has ended what was there, and not stored the new session yet. */
    readonly begun: boolean;
    /** Its session has an id that the browser does not know yet. */
    readonly owesCookie: boolean;
    readonly headed: boolean;
    /** It was answered with a failure while it was working, or the answer was refused. */
    readonly closed: boolean;
    readonly made: number;
    /** The session whose turn it has. */
    readonly turn?: string | undefined;
    readonly fenced: boolean;
    /** While it revokes: how many so far. */
    readonly revoked: number;
    /** Only one operation is left of it, which the store may still do. */
    readonly ghost: boolean;
}

export interface State {
    /** What is stored, by the model's own names. */
    readonly sessions: Readonly<Record<string, Stored>>;
    /** The names of the sessions by the ids that browsers were sent. */
    readonly ids: Readonly<Record<string, string>>;
    /** Who has the turn of a session. */
    readonly turns: Readonly<Record<string, number>>;
    readonly runs: readonly Run[];
}

export const EMPTY: State = { sessions: {}, ids: {}, turns: {}, runs: [] };

/** What the test's servers are set to. */
export interface ModelOptions {
    readonly unset: 'keep' | 'destroy';
    readonly lockTimeoutMs: number;
}

/** When a step happens: after `from`, before `until`. */
export interface Bounds {
    readonly from: number;
    readonly until: number;
    /** It is known to have happened. */
    readonly must: boolean;
}

const LATE_MS = 30_000;
/** Clocks differ, and a request's own times are not known exactly. */
const DOUBT_MS = 2_000;
const FLASH = '~flash:';
const MAX_AGE = '~maxAge';
/** The first steps of a request: its session is read, and it gets its turn. */
export const READ = 0;
export const TURN = 1;
export const OPS = 2;

/** Not what the model expected; the deepest is what is told. */
export type Disagree = (run: Run, why: string) => void;

export function newRun(call: number): Run {
    return {
        call,
        step: READ,
        mode: 'unread',
        view: {},
        base: {},
        based: false,
        added: {},
        must: false,
        fresh: [],
        taken: {},
        failed: 0,
        lost: false,
        mayBeLost: false,
        hasEnded: false,
        unset: false,
        begun: false,
        owesCookie: false,
        headed: false,
        closed: false,
        made: 0,
        fenced: false,
        revoked: 0,
        ghost: false,
    };
}

/** What the documents say that a session's operations mean: all that may happen next, from a state. */
export class Model {
    public constructor(
        private readonly calls: ReadonlyMap<number, Call>,
        private readonly options: ModelOptions,
        private readonly disagree: Disagree,
    ) {}

    public callOf(run: Run): Call {
        return this.calls.get(run.call) as Call;
    }

    public isDone(run: Run): boolean {
        return run.step > OPS + this.callOf(run).plan.ops.length;
    }

    /** Whether another request may have moved a session while this one worked. */
    public movesWithin(run: Run): boolean {
        const { from, until = Number.POSITIVE_INFINITY } = this.callOf(run);
        return [...this.calls.values()].some(
            (call) =>
                call.id !== run.call &&
                call.from <= until &&
                (call.until ?? Number.POSITIVE_INFINITY) >= from &&
                call.plan.ops.some(({ op }) => op === 'login' || op === 'migrate'),
        );
    }

    /** When the next step of a request happens. */
    public bounds(run: Run): Bounds {
        const { facts, from, plan, headersAt, until, status } = this.callOf(run);
        const open = Number.POSITIVE_INFINITY;
        if (run.ghost) {
            return { from, until: open, must: false };
        }
        if (run.step === READ) {
            return { from, until: facts.arrived ?? open, must: facts.arrived !== undefined };
        }
        if (run.step === TURN) {
            return { from: facts.arrived ?? from, until: facts.turn ?? open, must: facts.turn !== undefined };
        }
        const index = run.step - OPS;
        if (index < plan.ops.length) {
            const fact = facts.ops[index];
            if (plan.ops[index]?.op === 'head' && (fact || isAnswered(status))) {
                const begun = fact?.from ?? facts.ops.at(-1)?.until ?? from;
                return isAnswered(status)
                    ? { from: begun, until: headersAt ?? open, must: true }
                    : { from: begun, until: open, must: false };
            }
            if (fact) {
                return { ...fact, must: true };
            }
            const last = facts.ops.at(-1)?.until ?? facts.turn ?? facts.arrived ?? from;
            return { from: last, until: open, must: false };
        }
        const last = facts.answered ?? facts.ops.at(-1)?.until ?? facts.turn ?? from;
        if (run.headed) {
            // An end that was not seen may have come or not.
            return { from: last, until: until ?? open, must: until !== undefined };
        }
        return isAnswered(status)
            ? { from: last, until: headersAt ?? open, must: true }
            : { from: last, until: open, must: false };
    }

    /** All that the next step of a request may lead to. */
    public after(state: State, at: number): State[] {
        const run = state.runs[at] as Run;
        const call = this.callOf(run);
        const work = new Step(this, state, at, run, call, this.options, this.disagree);
        return work.outcomes().flatMap((next) => this.local(next, at));
    }

    /** What a request does without the store follows at once: nobody else can tell when. */
    private local(state: State, at: number): State[] {
        let run: Run | undefined = state.runs[at] as Run;
        const { status } = this.callOf(run);
        // One that took too long was answered in its route's place, in between.
        while (run && status !== 503 && !run.ghost && this.isLocal(run)) {
            run = this.stepLocally(run);
        }
        return run ? [{ ...state, runs: state.runs.map((each, index) => (index === at ? (run as Run) : each)) }] : [];
    }

    public isLocal(run: Run): boolean {
        const op = run.step < OPS ? undefined : this.callOf(run).plan.ops[run.step - OPS];
        return op !== undefined && LOCAL.has(op.op);
    }

    /** One operation that needs no store. Undefined where it saw something else than was there. */
    public stepLocally(run: Run): Run | undefined {
        const { plan, facts } = this.callOf(run);
        const fact = facts.ops[run.step - OPS];
        const next = this.doLocally(run, plan.ops[run.step - OPS] as Op, fact?.seen, fact !== undefined);
        return next && (next.step > run.step ? next : { ...next, step: run.step + 1 });
    }

    private doLocally(run: Run, op: Op, seen: unknown, isKnown: boolean): Run | undefined {
        const expect = (expected: unknown): boolean => {
            if (!isKnown || same(seen, expected)) {
                return true;
            }
            this.disagree(run, `${tell(op)} saw ${tell(seen)}, and not ${tell(expected)}`);
            return false;
        };
        const { error } = (seen ?? {}) as { error?: number };
        if (error === 503) {
            return { ...run, step: OPS + this.callOf(run).plan.ops.length }; // the session could not be read
        }
        if (op.op === 'wait' || op.op === 'compute') {
            return run;
        }
        const { view } = run;
        if (op.op === 'unset') {
            return { ...run, view: null, unset: true };
        }
        if (view === null) {
            return expect('no session') ? run : undefined;
        }
        const put = (data: Data): Run => ({ ...run, view: data });
        switch (op.op) {
            case 'read': {
                const own = Object.entries(view).filter(([key]) => !key.startsWith('~'));
                const expected = { data: Object.fromEntries(own), ...(run.user !== undefined && { user: run.user }) };
                return expect(expected) ? run : undefined;
            }
            case 'set':
                return put({ ...view, [op.key]: op.value });
            case 'delete':
                return put(without(view, [op.key]));
            case 'append': {
                const list = (view[op.key] ?? []) as unknown[];
                return expect(list) ? put({ ...view, [op.key]: [...list, op.value] }) : undefined;
            }
            case 'increment': {
                const value = Number(view[op.key] ?? 0) + op.by;
                const added = { ...run.added, [op.key]: (run.added[op.key] ?? 0) + op.by };
                return expect(value) ? { ...put({ ...view, [op.key]: value }), added } : undefined;
            }
            case 'pull':
                return expect(view[op.key] ?? null) ? put(without(view, [op.key])) : undefined;
            case 'flash': {
                const name = `${FLASH}${op.key}:${op.value}`;
                const old = Object.keys(view).filter((key) => key.startsWith(`${FLASH}${op.key}:`));
                return { ...put({ ...without(view, old), [name]: op.value }), fresh: [...run.fresh, name] };
            }
            case 'flashed': {
                const name = Object.keys(view).findLast((key) => key.startsWith(`${FLASH}${op.key}:`));
                return expect((name === undefined ? run.taken[op.key] : view[name]) ?? null) ? run : undefined;
            }
            case 'maxAge':
                return put({ ...view, [MAX_AGE]: op.ms });
            case 'token':
                return expect('string') ? { ...run, must: run.must || run.mode === 'none' } : undefined;
            default:
                return run;
        }
    }
}

const LOCAL = new Set<Op['op']>([
    ...(['read', 'set', 'delete', 'append', 'increment', 'pull', 'flash', 'flashed', 'maxAge', 'token'] as const),
    ...(['touch', 'wait', 'compute', 'unset'] as const),
]);

/** Whether the status says for certain what became of the request. */
function isAnswered(status: number | undefined): boolean {
    return status !== undefined && status !== 503;
}

/** One step of one request. */
class Step {
    private readonly bounds: Bounds;

    public constructor(
        private readonly model: Model,
        private readonly state: State,
        private readonly at: number,
        private readonly run: Run,
        private readonly call: Call,
        private readonly options: ModelOptions,
        private readonly disagree: Disagree,
    ) {
        this.bounds = model.bounds(run);
    }

    public outcomes(): State[] {
        const { step, closed, ghost } = this.run;
        const isCut = this.call.status === 503 && step >= OPS && !closed && !ghost;
        return isCut ? [...this.own(), ...this.cut()] : this.own();
    }

    /** It is answered in the place of its route, which took too long: with what has changed so far. */
    private cut(): State[] {
        const { sent } = this.call;
        return this.commit(this.run).flatMap((result) => {
            const { run, sessions } = result;
            const lives = run.mode === 'live' && sessions[run.name as string]?.live === true;
            const id = sent && lives ? { id: sent } : {};
            const known = sent ? this.state.ids[sent] : undefined;
            if (result.failed || (known !== undefined && known !== run.name)) {
                return [];
            }
            return [this.with({ ...run, closed: true }, sessions, this.naming(run, id.id))];
        });
    }

    private own(): State[] {
        const { step } = this.run;
        if (step === READ) {
            return this.read();
        }
        if (step === TURN) {
            return this.acquireLock();
        }
        const { ops } = this.call.plan;
        const index = step - OPS;
        if (index === ops.length) {
            return this.finish();
        }
        if (this.model.isLocal(this.run)) {
            const next = this.model.stepLocally(this.run);
            return next ? [this.with(next)] : [];
        }
        const seen = this.call.facts.ops[index]?.seen;
        const error = (seen as { error?: number } | null | undefined)?.error;
        if (error === 503 && !this.run.ghost) {
            return this.failedInStore();
        }
        return this.operate(ops[index] as Op, seen, error);
    }

    /** The store failed: what was asked of it may happen yet. */
    private failedInStore(): State[] {
        const ghost: Run = { ...this.run, ghost: true, turn: undefined };
        const state = this.with({ ...this.run, failed: 503, step: OPS + this.call.plan.ops.length });
        return [{ ...state, runs: [...state.runs, ghost] }];
    }

    private with(run: Run, sessions = this.state.sessions, state = this.state): State {
        return { ...state, sessions, runs: state.runs.map((each, index) => (index === this.at ? run : each)) };
    }

    private no(why: string): State[] {
        this.disagree(this.run, why);
        return [];
    }

    /** The session is looked up by the request's cookie. */
    private read(): State[] {
        const { state, run, call } = this;
        const next = { ...run, step: call.plan.exclusive ? TURN : OPS };
        const none: Run = { ...next, mode: 'none' };
        if (call.cookie === undefined) {
            return [this.with(none)];
        }
        const name = state.ids[call.cookie];
        if (name === undefined) {
            return this.no('it came with an id that no answer of this visitor has sent');
        }
        const stored = state.sessions[name];
        const ended: Run = { ...none, storedName: name };
        if (!stored) {
            return [this.with(none)]; // all was lost with the store
        }
        if (stored.live) {
            return [this.with({ ...next, ...loaded(name, stored), mode: 'live' })];
        }
        if (!hasMoved(stored)) {
            return [this.with(ended)];
        }
        const late: Run = { ...next, mode: 'late', storedName: name };
        const isSurelyOld = this.bounds.from - stored.until > LATE_MS + DOUBT_MS;
        const isSurelyYoung = this.bounds.until - stored.from < LATE_MS - DOUBT_MS;
        return [...(isSurelyOld ? [] : [this.with(late)]), ...(isSurelyYoung ? [] : [this.with(ended)])];
    }

    /** `exclusive()`: nobody else has the session's turn, and the session is read again. */
    private acquireLock(): State[] {
        const { state, run, call } = this;
        if (run.mode !== 'live' || run.name === undefined) {
            return [this.with({ ...run, step: OPS })];
        }
        if (call.facts.turn === undefined) {
            return []; // it never got it
        }
        const holder = state.runs.find((each) => each.call === state.turns[run.name as string] && !each.ghost);
        let free = state;
        if (holder && holder.turn === run.name && !holder.fenced) {
            const why = `request #${holder.call} has the turn`;
            if (!this.mayLoseTurn(this.model.callOf(holder))) {
                return this.no(why);
            }
            free = {
                ...state,
                runs: state.runs.map((each) => (each === holder ? { ...each, fenced: true } : each)),
            };
        }
        const stored = state.sessions[run.name];
        const turns = { ...free.turns, [run.name]: run.call };
        const next: Run = stored?.live
            ? { ...run, ...loaded(run.name, stored), step: OPS, turn: run.name }
            : { ...run, mode: 'late', view: {}, base: {}, based: false, user: undefined, step: OPS, turn: run.name };
        return [this.with(next, free.sessions, { ...free, turns })];
    }

    /** Whether a request's turn may have ended before its route did. */
    private mayLoseTurn(holder: Call): boolean {
        const { facts, abortedAt, process, status } = holder;
        const end = facts.answered ?? Number.POSITIVE_INFINITY;
        const isLong = end - (facts.turn ?? 0) > this.options.lockTimeoutMs / 2 - 100;
        return (
            process.deadAt !== undefined ||
            status === 503 ||
            (isLong && (abortedAt !== undefined || status === undefined)) ||
            (holder.plan.ending === 'stream' && abortedAt !== undefined) ||
            // In Redis, a turn ends so long after its process was last heard of.
            end - (facts.turn ?? 0) > 2_500
        );
    }

    /** An operation that needs the store. */
    private operate(op: Op, seen: unknown, error: number | undefined): State[] {
        const { run } = this;
        const isKnown = seen !== undefined && !run.ghost;
        const next = { ...run, step: run.ghost ? OPS + this.call.plan.ops.length + 1 : run.step + 1 };
        // No session is left, and each operation but a login says so.
        if (run.view === null && op.op !== 'login') {
            return isKnown && seen !== 'no session' ? this.no(`${tell(op)}: there is no session`) : [this.with(next)];
        }
        const found = this.possible(op, next);
        return found
            .filter(({ failed, why, isHalf }) => {
                const isRight = !isKnown || isHalf || (failed ?? 0) === (error ?? 0);
                if (!isRight) {
                    this.disagree(
                        run,
                        `${tell(op)} gave ${error ?? 'no error'}, and not ${failed ?? 'no error'}${why ? `: ${why}` : ''}`,
                    );
                }
                return isRight;
            })
            .map(({ run: result, sessions, failed, harmless, id }) => {
                const isFatal = failed !== undefined && op.op !== 'reload' && !(op.op === 'save' && failed === 409);
                return this.with(
                    {
                        ...result,
                        failed: failed !== undefined && !harmless ? failed : result.failed,
                        step: isFatal && !run.ghost ? OPS + this.call.plan.ops.length : result.step,
                    },
                    sessions,
                    this.naming(result, id),
                );
            })
            .concat(op.op === 'revoke' ? this.revoke(op, next, seen) : []);
    }

    private possible(op: Op, next: Run): Result[] {
        switch (op.op) {
            case 'save':
                return this.save(next);
            case 'reload':
                return this.reload(next);
            case 'regenerate':
                return this.begin(next);
            case 'migrate':
                return this.migrate(next);
            case 'login':
                return this.login(next, op.user);
            case 'logout':
            case 'destroy':
                return [this.end(next)];
            case 'head':
                return this.head(next);
            default:
                return [];
        }
    }

    private save(run: Run): Result[] {
        // Asked for, a session is stored also while it is empty.
        return this.commit({ ...run, must: run.must || run.mode === 'none' }).flatMap((result) => {
            const told = { ...result, failed: 409 };
            if (result.failed) {
                return [result];
            }
            return result.run.lost ? [told] : run.mayBeLost ? [result, told] : [result];
        });
    }

    /** Stores what was changed: now, or not at all. */
    private commit(run: Run): Result[] {
        const { sessions } = this.state;
        const change = changeOf(run);
        if (run.mode === 'late') {
            return [{ run: { ...run, lost: run.lost || change !== undefined }, sessions }];
        }
        if (run.mode === 'ended' || run.view === null) {
            return [{ run, sessions }];
        }
        if (run.mode === 'none') {
            return change || run.must ? this.create(run) : [{ run, sessions }];
        }
        const name = run.name as string;
        const stored = sessions[name];
        if (!change) {
            return [{ run, sessions }];
        }
        if (run.fenced) {
            return [{ run, sessions, failed: 503, why: 'another request had the turn since' }];
        }
        if (!stored) {
            return [{ run, sessions, failed: 503, why: 'the store has lost the session' }];
        }
        if (!stored.live) {
            return [{ run: { ...run, mode: 'late', lost: true }, sessions }];
        }
        const data = apply(stored.data, change);
        const owesCookie = run.owesCookie || (Object.hasOwn(change.set, MAX_AGE) && !run.headed);
        return [{ run: { ...saved(run), owesCookie }, sessions: { ...sessions, [name]: { ...stored, data } } }];
    }

    private create(run: Run, user?: string): Result[] {
        const { sessions } = this.state;
        const name = run.name ?? this.newName(run);
        const stored: Stored = { live: true, data: run.view ?? {}, user, from: 0, until: 0 };
        const created: Run = {
            ...saved(run),
            mode: 'live',
            name,
            storedName: name,
            user,
            must: false,
            owesCookie: true,
            made: run.made + 1,
        };
        const before = run.storedName === undefined ? undefined : sessions[run.storedName];
        const withNew = { ...sessions, [name]: stored };
        const results: Result[] = [];
        if (before && !before.live && !before.to) {
            // Its tombstone says so, a little later: one of a session that another login has ended is then one that moved.
            results.push({
                run: created,
                sessions: { ...withNew, [run.storedName as string]: { ...before, next: name } },
            });
            if (before.reason === 'regenerated') {
                results.push({
                    run: created,
                    sessions: { ...withNew, [run.storedName as string]: { ...before, to: name } },
                });
            }
        } else {
            results.push({ run: created, sessions: withNew });
        }
        if (user !== undefined && this.isRevoking(user)) {
            results.push({ run, sessions, failed: 401, why: 'it is being revoked' });
        }
        return results;
    }

    private newName(run: Run): string {
        return `#${run.call}.${run.made}`;
    }

    private reload(run: Run): Result[] {
        const { sessions } = this.state;
        const stored = run.name === undefined ? undefined : sessions[run.name];
        if (run.mode === 'live' && stored?.live) {
            return [{ run: { ...run, ...loaded(run.name as string, stored) }, sessions }];
        }
        const mode = run.mode === 'live' ? 'late' : run.mode;
        return [{ run: { ...run, mode, user: undefined }, sessions, failed: 500, harmless: true }];
    }

    private tombstone(stored: Stored, reason: Stored['reason'], more: Partial<Stored> = {}): Stored {
        const { from, until } = this.bounds;
        return { live: false, data: {}, user: stored.user, ...(reason && { reason }), from, until, ...more };
    }

    /** `regenerate()`: what was there ends, and is not followed. */
    private begin(run: Run): Result[] {
        const { sessions } = this.state;
        const name = this.newName(run);
        const old = run.mode === 'live' ? sessions[run.name as string] : undefined;
        if (run.fenced && old?.live) {
            return [{ run, sessions, failed: 503, why: 'another request had the turn since' }];
        }
        const ended = old?.live
            ? { [run.name as string]: this.tombstone(old, 'regenerated', { to: name, tells: true }) }
            : {};
        const begun: Run = {
            ...run,
            mode: 'none',
            name,
            view: {},
            base: {},
            based: false,
            added: {},
            user: undefined,
            must: true,
            unset: false,
            hasEnded: run.hasEnded || old?.live === true,
            made: run.made + 1,
        };
        return [{ run: begun, sessions: { ...sessions, ...ended } }];
    }

    private migrate(run: Run): Result[] {
        const { sessions } = this.state;
        if (run.mode === 'late') {
            return [{ run, sessions }];
        }
        if (run.mode === 'none') {
            return [{ run: { ...run, name: this.newName(run), made: run.made + 1, must: true }, sessions }];
        }
        return this.move(run);
    }

    /** The session gets a new id, with what this request has changed. */
    private move(run: Run, user?: string): Result[] {
        const { sessions } = this.state;
        const name = run.name as string;
        const old = sessions[name];
        const change = changeOf(run);
        if (run.fenced) {
            return [{ run, sessions, failed: 503, why: 'another request had the turn since' }];
        }
        if (!old) {
            return [{ run, sessions, failed: 503, why: 'the store has lost the session' }];
        }
        if (!old.live) {
            return [{ run: { ...run, mode: 'late', lost: run.lost || change !== undefined }, sessions }];
        }
        const to = this.newName(run);
        const owner = user ?? old.user;
        const moved: Run = {
            ...saved(run),
            name: to,
            storedName: to,
            user: owner,
            owesCookie: true,
            made: run.made + 1,
        };
        const data = change ? apply(old.data, change) : old.data;
        const tomb = this.tombstone(old, 'migrated', { to, tells: user !== undefined });
        const results: Result[] = [
            { run: moved, sessions: { ...sessions, [name]: tomb, [to]: { ...old, data, user: owner } } },
        ];
        if (owner !== undefined && this.isRevoking(owner)) {
            // The new id is in the user's list already, and ends before there is a session under it.
            results.push(
                user === undefined
                    ? { run: { ...run, mode: 'late', lost: run.lost || change !== undefined }, sessions }
                    : { run, sessions, failed: 401, why: 'it is being revoked' },
            );
        }
        return results;
    }

    private login(run: Run, user: string): Result[] {
        let { sessions } = this.state;
        const isOther = run.user !== undefined && run.user !== user;
        if (run.mode === 'ended' || run.unset || run.view === null || isOther) {
            return this.begin(run).flatMap((begun) => this.halfway(begun, user));
        }
        if (run.begun) {
            return this.create({ ...run, begun: false }, user);
        }
        if (run.mode === 'none') {
            const named = { ...run, name: this.newName(run), made: run.made + 1 };
            return this.create(named, user);
        }
        let late = run;
        if (run.mode === 'live') {
            const moved = this.move(run, user);
            if (moved[0]?.failed || moved[0]?.run.mode === 'live') {
                return moved;
            }
            late = { ...run, mode: 'late' };
        }
        const old = sessions[late.storedName as string];
        if (!old || !hasMoved(old)) {
            return [{ run: late, sessions, failed: 401, why: 'it has ended' }];
        }
        const { name, isTold } = this.successorOf(late.storedName as string);
        const next = name === undefined ? undefined : sessions[name];
        if (name !== undefined && next?.user === user && isTold) {
            const change = changeOf(late);
            const data = change ? apply(next.data, change) : next.data;
            const joined = {
                ...late,
                mode: 'live',
                name,
                storedName: name,
                view: data,
                base: next.data,
                based: true,
            } as const;
            return [{ run: { ...joined, user, owesCookie: true }, sessions }];
        }
        if (name !== undefined && next?.user !== undefined && next.user !== user) {
            sessions = { ...sessions, [name]: this.tombstone(next, 'regenerated') };
        } else if (name !== undefined && next && next.user === undefined && old.reason === 'migrated') {
            return [{ run: late, sessions, failed: 409, why: 'what it has moved to is not logged in' }];
        }
        const changed = changeOf(late) !== undefined;
        return this.given(sessions)
            .begin({ ...late, mayBeLost: late.mayBeLost || changed })
            .flatMap((begun) => this.halfway(begun, user));
    }

    /** What was there has ended; the new session is stored a little later, and others may look in between. */
    private halfway(begun: Result, user: string): Result[] {
        return begun.failed
            ? [begun]
            : [{ ...begun, run: { ...begun.run, begun: true, step: this.run.step }, isHalf: true }];
    }

    /** The same step after something has changed. */
    private given(sessions: State['sessions']): Step {
        const { model, state, at, run, call, options, disagree } = this;
        return new Step(model, { ...state, sessions }, at, run, call, options, disagree);
    }

    private successorOf(start: string): { name?: string; isTold: boolean } {
        const { sessions } = this.state;
        let name = start;
        let isTold = true;
        let stored = sessions[name];
        while (stored && !stored.live) {
            const to: string | undefined = stored.to ?? stored.next;
            if (to === undefined) {
                return { isTold };
            }
            isTold &&= stored.tells === true;
            name = to;
            stored = sessions[name];
        }
        return stored ? { name, isTold } : { isTold };
    }

    /** `logout()`, `destroy()`: the session ends, also where it has moved to. */
    private end(run: Run): Result {
        let { sessions } = this.state;
        let hasEnded = false;
        let name = run.mode === 'live' || run.mode === 'late' ? run.storedName : undefined;
        while (name !== undefined) {
            const stored: Stored | undefined = sessions[name];
            if (stored?.live) {
                sessions = { ...sessions, [name]: this.tombstone(stored, 'destroyed') };
                hasEnded = true;
            }
            name = stored && !stored.live && hasMoved(stored) ? stored.to : undefined;
        }
        const ended: Run = {
            ...run,
            mode: 'ended',
            view: null,
            user: undefined,
            hasEnded: hasEnded || run.hasEnded,
        };
        return { run: ended, sessions };
    }

    private isRevoking(user: string): boolean {
        return this.state.runs.some((run) => {
            const op = run === this.run ? undefined : this.model.callOf(run).plan.ops[run.step - OPS];
            return op?.op === 'revoke' && op.user === user && this.model.bounds(run).from <= this.bounds.until;
        });
    }

    /** Ends one of the sessions that are to end, or has ended them all. */
    private revoke(op: Op & { op: 'revoke' }, next: Run, seen: unknown): State[] {
        const { run } = this;
        const { sessions } = this.state;
        const spared = new Set<string>();
        const perhaps = new Set<string>();
        let name = op.others ? (run.name ?? run.storedName) : undefined;
        for (let isSure = true; name !== undefined; ) {
            (isSure ? spared : perhaps).add(name);
            const stored: Stored | undefined = sessions[name];
            isSure &&= stored?.next === undefined;
            name = stored?.to ?? stored?.next;
        }
        const states: State[] = [];
        let left = 0;
        for (const [each, stored] of Object.entries(sessions)) {
            if (stored.live && stored.user === op.user && !spared.has(each)) {
                left += perhaps.has(each) ? 0 : 1;
                const ended = { ...sessions, [each]: this.tombstone(stored, 'revoked') };
                states.push(this.with({ ...run, revoked: run.revoked + 1 }, ended));
            }
        }
        if (left > 0) {
            return states;
        }
        // A session that is about to move is counted under both of its ids.
        const isExact = !this.model.movesWithin(run);
        const most = isExact ? run.revoked : Number.POSITIVE_INFINITY;
        if (typeof seen === 'number' && !run.ghost && (seen < run.revoked || seen > most)) {
            this.disagree(run, `${tell(op)} has ended ${run.revoked}, and said ${seen}`);
            return states;
        }
        return [...states, this.with({ ...next, revoked: 0 })];
    }

    /** The headers of a stream leave. */
    private head(run: Run): Result[] {
        return this.answer(run, 200, isAnswered(this.call.status)).map((result) => ({
            ...result,
            run: { ...result.run, headed: true, step: result.run.closed ? END_OF_RUN : result.run.step },
        }));
    }

    /** The route has answered: what it changed is stored, and its cookie is sent. */
    private finish(): State[] {
        const { run, call } = this;
        const done: Run = { ...run, step: END_OF_RUN };
        if (run.headed) {
            return this.finishStream(done);
        }
        if (run.closed) {
            return [this.left({ run: done, sessions: this.state.sessions })]; // nobody hears it any more
        }
        const { ending } = call.plan;
        const own = call.facts.thrown ?? ({ json: 200, redirect: 303, refuse: 422, stream: 200 } as const)[ending];
        return this.answer(done, own, isAnswered(call.status)).map((result) => this.left(result));
    }

    private naming(run: Run, id: string | undefined): State {
        return id === undefined ? this.state : { ...this.state, ids: { ...this.state.ids, [id]: run.name as string } };
    }

    /** The turn is given back with the end of the answer. */
    private left({ run, sessions, id }: Result): State {
        const turns = { ...this.state.turns };
        if (run.turn !== undefined && turns[run.turn] === run.call) {
            delete turns[run.turn];
        }
        return this.with({ ...run, turn: undefined }, sessions, { ...this.naming(run, id), turns });
    }

    private finishStream(run: Run): State[] {
        const { call } = this;
        const isWhole = call.until !== undefined;
        const knows = run.name !== undefined && this.isKnownToBrowser(run.name);
        const isHeard = (knows || run.mode === 'late') && run.failed === 0;
        const results = isHeard ? this.commit(run) : [{ run, sessions: this.state.sessions }];
        return results.flatMap((result) => {
            const isBroken = result.run.lost || result.run.failed > 0 || result.failed !== undefined;
            if (isWhole && isBroken) {
                return this.no('the stream ended well, although something that it changed was lost');
            }
            return [this.left(result)];
        });
    }

    private isKnownToBrowser(name: string): boolean {
        const { cookie, sent } = this.call;
        const { ids } = this.state;
        return [cookie, sent].some((id) => id !== undefined && id !== '' && ids[id] === name);
    }

    /** @param isKnown Whether the answer is known: its status and cookie are compared. */
    private answer(run: Run, own: number, isKnown: boolean): Result[] {
        const { status } = this.call;
        const { sessions } = this.state;
        if (run.failed > 0) {
            return this.check({ run, sessions }, own < 400 ? run.failed : own, isKnown, false);
        }
        if (run.mode === 'ended') {
            return this.check({ run, sessions }, own, isKnown, false);
        }
        if (run.unset) {
            const ended = this.options.unset === 'destroy' ? this.end(run) : { run, sessions };
            return this.check(ended, own, isKnown, false);
        }
        const shown = this.showFlash(run, own);
        const onlyShown = shown !== run && changeOf(run) === undefined;
        return this.commit(shown).flatMap((result) => {
            if (result.failed) {
                // A failure of the store is not for certain.
                return isKnown ? this.wrong(`it was answered ${status}, although ${result.why}`) : [result];
            }
            const lost = result.run.lost && !(onlyShown && !run.lost);
            const expected = lost && own < 400 ? 409 : own;
            if (run.mayBeLost && own < 400 && status === 409) {
                return this.check(result, 409, isKnown, false);
            }
            return this.check(result, expected, isKnown, expected === own);
        });
    }

    /** A page was shown, and with it what was flashed before. */
    private showFlash(run: Run, own: number): Run {
        const isPage = this.call.plan.page && own < 500 && (own < 300 || own >= 400);
        if (!isPage || run.mode !== 'live' || run.view === null) {
            return run;
        }
        const { view } = run;
        const old = Object.keys(view).filter((key) => key.startsWith(FLASH) && !run.fresh.includes(key));
        const taken = old.map((key) => [key.slice(FLASH.length, key.lastIndexOf(':')), view[key]]);
        return old.length === 0
            ? run
            : { ...run, view: without(view, old), taken: { ...run.taken, ...Object.fromEntries(taken) } };
    }

    /** Compares the status and the cookie. @param owes Whether a new id has to be sent. */
    private check(result: Result, expected: number, isKnown: boolean, owes: boolean): Result[] {
        if (!isKnown) {
            return [result];
        }
        const { status, sent } = this.call;
        if (status !== expected) {
            return this.wrong(`it was answered ${status}, and not ${expected}`);
        }
        const { run, sessions } = result;
        const closed: Run = { ...run, closed: expected >= 400 };
        const lives = run.mode === 'live' && run.name !== undefined && sessions[run.name]?.live === true;
        if (sent === undefined) {
            return owes && run.owesCookie && lives
                ? this.wrong(`its session has a new id (${run.name}), and no cookie was sent`)
                : [{ run: closed, sessions }];
        }
        if (sent === '') {
            return run.hasEnded
                ? [{ run: closed, sessions }]
                : this.wrong('its cookie was cleared, although it has ended no session');
        }
        // One that the store has just lost is not known to have ended.
        const isLost = run.mode === 'live' && sessions[run.name as string] === undefined;
        if (!lives && !isLost) {
            return this.wrong(
                `a cookie was sent, although its session (${run.name ?? 'none'}) does not live (${run.mode})`,
            );
        }
        const name = run.name as string;
        const known = this.state.ids[sent];
        const other = Object.entries(this.state.ids).find(([id, each]) => each === name && id !== sent);
        if ((known !== undefined && known !== name) || other) {
            return this.wrong(`the cookie of another session was sent than that of ${name}`);
        }
        return [{ run: { ...closed, owesCookie: false }, sessions, id: sent }];
    }

    private wrong(why: string): Result[] {
        this.disagree(this.run, why);
        return [];
    }
}

const END_OF_RUN = 1_000;

/** What an operation leads to. */
interface Result {
    readonly run: Run;
    readonly sessions: State['sessions'];
    /** The status of the error that it gives, and why. */
    readonly failed?: number;
    readonly why?: string;
    /** More of the operation follows. */
    readonly isHalf?: boolean;
    /** The answer may be a success all the same. */
    readonly harmless?: boolean;
    /** The id of the run's session, which became known. */
    readonly id?: string;
}

interface Change {
    readonly set: Data;
    readonly removed: readonly string[];
    readonly added: Readonly<Record<string, number>>;
}

/** What a request has changed; undefined where nothing. */
function changeOf({ view, base, based, added }: Run): Change | undefined {
    if (view === null) {
        return undefined;
    }
    const set: Record<string, unknown> = {};
    const counted: Record<string, number> = {};
    for (const [key, value] of Object.entries(view)) {
        const by = added[key];
        if (by !== undefined && value === Number(base[key] ?? 0) + by) {
            counted[key] = by;
        } else if (!same(value, base[key])) {
            set[key] = value;
        }
    }
    const removed = Object.keys(base).filter((key) => !Object.hasOwn(view, key));
    if (!based && Object.keys(set).every((key) => key === MAX_AGE) && Object.keys(counted).length === 0) {
        return undefined;
    }
    const isEmpty = Object.keys(set).length + removed.length + Object.keys(counted).length === 0;
    return isEmpty ? undefined : { set, removed, added: counted };
}

function apply(data: Data, { set, removed, added }: Change): Data {
    const result: Record<string, unknown> = { ...without(data, removed), ...set };
    for (const [key, by] of Object.entries(added)) {
        result[key] = Number(data[key] ?? 0) + by;
    }
    return result;
}

function saved(run: Run): Run {
    return { ...run, base: run.view ?? {}, based: true, added: {} };
}

function loaded(name: string, { data, user }: Stored) {
    return { name, storedName: name, view: data, base: data, based: true, added: {}, user };
}

function hasMoved({ live, reason, to }: Stored): boolean {
    return !live && to !== undefined && (reason === 'migrated' || reason === 'regenerated');
}

function without(data: Data, keys: readonly string[]): Data {
    return Object.fromEntries(Object.entries(data).filter(([key]) => !keys.includes(key)));
}

/** Whether two values are the same, whatever the order of their keys. */
export function same(one: unknown, other: unknown): boolean {
    if (Object.is(one, other)) {
        return true;
    }
    if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
        return false;
    }
    const keys = Object.keys(one);
    return (
        Array.isArray(one) === Array.isArray(other) &&
        keys.length === Object.keys(other).length &&
        keys.every((key) => same((one as Data)[key], (other as Data)[key]))
    );
}

export function tell(value: unknown): string {
    return JSON.stringify(value) ?? 'nothing';
}
