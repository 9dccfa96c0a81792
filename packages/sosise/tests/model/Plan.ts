import { Random } from './Random.js';

/** What a route does with its session, one after another. */
export type Op =
    | { op: 'read' }
    | { op: 'set'; key: string; value: unknown }
    | { op: 'delete'; key: string }
    /** Pushes into the array under a key: what was read before is part of what is stored. */
    | { op: 'append'; key: string; value: unknown }
    | { op: 'increment'; key: string; by: number }
    | { op: 'pull'; key: string }
    | { op: 'flash'; key: string; value: unknown }
    | { op: 'flashed'; key: string }
    /** "Remember me": the session's cookie gets another life. */
    | { op: 'maxAge'; ms: number }
    | { op: 'login'; user: string }
    | { op: 'revoke'; user: string; others: boolean }
    | { op: 'wait' | 'compute'; ms: number }
    /** The headers of a stream leave. */
    | { op: 'head' }
    | { op: Plain };

export type Plain = 'save' | 'reload' | 'regenerate' | 'migrate' | 'logout' | 'destroy' | 'unset' | 'token' | 'touch';

/** How a route answers: a success, a redirect, a refusal of its own, or the end of a stream whose headers have left. */
export type Ending = 'json' | 'redirect' | 'refuse' | 'stream';

/** One request, as it is planned before it is sent. */
export interface Plan {
    readonly ops: readonly Op[];
    readonly exclusive: boolean;
    /** A page that the visitor goes to, and no fetch(). */
    readonly page: boolean;
    readonly ending: Ending;
    /** Which of the visitor's browsers sends it, and to which process (modulo their number). */
    readonly browser: number;
    readonly process: number;
    /** After the window has begun, in ms. */
    readonly delay: number;
    /** The client goes away so many ms after sending. */
    readonly abortMs?: number;
    /** Sent with a cookie that the browser had before: so many back. */
    readonly old?: number;
}

/** Requests that run at once; the next begins when all are answered. */
export interface Window {
    readonly plans: readonly Plan[];
    /** Nothing is asked for so long before it: ids that have ended grow old. */
    readonly restMs: number;
}

const KEYS = ['a', 'b', 'c'];
const COUNTERS = ['n', 'm'];
const LISTS = ['list', 'seats'];
const NOTES = ['status', 'hint'];

export interface PlanOptions {
    readonly browsers: number;
    readonly processes: number;
    /** How long a route may take to begin its answer. */
    readonly answerTimeoutMs: number;
    /** Whether some windows wait until ids that ended are no longer late. */
    readonly rests: boolean;
}

/** Makes up what one visitor does. The same seed makes up the same. */
export class Planner {
    private count = 0;

    public constructor(
        private readonly random: Random,
        /** Part of every value: nobody else may ever see it. */
        private readonly name: string,
        private readonly options: PlanOptions,
    ) {}

    public get users(): readonly [string, string] {
        return [`${this.name}-one`, `${this.name}-two`];
    }

    public window(): Window {
        const { random } = this;
        const restMs = this.options.rests && random.chance(0.05) ? 31_500 : 0;
        const kind = random.weighted({ one: 25, several: 35, twice: 18, slow: 22 });
        if (kind === 'one') {
            return { plans: [this.plan(random.between(0, 2))], restMs };
        }
        if (kind === 'several') {
            const plans = Array.from({ length: random.between(2, random.chance(0.2) ? 6 : 4) }, () =>
                this.plan(random.between(0, 15)),
            );
            return { plans, restMs };
        }
        if (kind === 'twice') {
            const first = this.plan(0);
            const clicks = random.between(2, 3);
            return {
                plans: Array.from({ length: clicks }, (_, click) => ({
                    ...this.again(first),
                    delay: click * random.between(0, 25),
                    process: random.between(0, 7),
                })),
                restMs,
            };
        }
        // One that takes its time, and what the visitor does meanwhile.
        const ops = [...this.changes(1), ...(random.chance(0.6) ? [{ op: 'save' } as const] : []), this.pause(40, 160)];
        const slow = {
            ...this.plan(0),
            ops: [...ops, ...(random.chance(0.5) ? this.some() : [])],
            browser: 0,
        };
        const others = Array.from({ length: random.between(1, 3) }, () => ({
            ...this.plan(random.between(5, 60)),
            browser: random.chance(0.8) ? 0 : random.between(0, this.options.browsers - 1),
        }));
        return { plans: [withHead(slow), ...others], restMs };
    }

    private plan(delay: number): Plan {
        const { random } = this;
        const ending = random.weighted({ json: 80, redirect: 5, refuse: 6, stream: 9 });
        const exclusive = random.chance(0.22);
        const ops = this.some();
        if (random.chance(0.03) && this.options.answerTimeoutMs < 5_000) {
            ops.push({ op: 'wait', ms: this.options.answerTimeoutMs + 300 }, ...this.changes(1));
        }
        return withHead({
            ops: exclusive && random.chance(0.5) ? [...this.alone(), ...ops] : ops,
            exclusive,
            page: random.chance(0.3),
            ending,
            browser: random.between(0, this.options.browsers - 1),
            process: random.between(0, 7),
            delay,
            ...(random.chance(0.07) && { abortMs: random.between(1, 60) }),
            ...(random.chance(0.1) && { old: random.between(1, 3) }),
        });
    }

    /** The same once more, with values of its own. */
    private again(plan: Plan): Plan {
        return { ...plan, ops: plan.ops.map((op) => this.renewed(op)) };
    }

    private renewed(op: Op): Op {
        return op.op === 'set' || op.op === 'append' || op.op === 'flash' ? { ...op, value: this.value() } : op;
    }

    /** What only one may do at a time. */
    private alone(): Op[] {
        const { random } = this;
        return random.chance(0.5)
            ? [{ op: 'pull', key: 'voucher' }, this.pause(0, 60)]
            : [{ op: 'append', key: random.pick(LISTS), value: this.value() }, this.pause(0, 60)];
    }

    private some(): Op[] {
        const { random } = this;
        const kind = random.weighted({ look: 14, change: 40, login: 16, end: 7, move: 13, revoke: 4, mixed: 6 });
        switch (kind) {
            case 'look':
                return random.chance(0.3) ? [this.pause(0, 30), { op: 'read' }] : [{ op: 'read' }];
            case 'change':
                return [...this.changes(random.between(1, 3)), ...this.after()];
            case 'login':
                return [
                    ...(random.chance(0.15) ? this.changes(1) : []),
                    { op: 'login', user: random.pick([this.users[0], this.users[0], this.users[1]]) },
                    ...this.after(),
                    ...(random.chance(0.3) ? this.changes(1) : []),
                ];
            case 'end':
                return [
                    ...(random.chance(0.2) ? this.changes(1) : []),
                    { op: random.pick(['logout', 'logout', 'destroy', 'unset'] as const) },
                    ...this.after(),
                    { op: 'read' },
                ];
            case 'move':
                return [
                    ...(random.chance(0.3) ? this.changes(1) : []),
                    { op: random.pick(['migrate', 'migrate', 'regenerate'] as const) },
                    ...this.after(),
                    ...(random.chance(0.4) ? this.changes(1) : []),
                ];
            case 'revoke':
                return [{ op: 'revoke', user: this.users[0], others: random.chance(0.6) }, ...this.after()];
            default:
                return [...this.changes(1), ...this.steps(), ...this.changes(1), { op: 'read' }];
        }
    }

    private steps(): Op[] {
        const op = this.random.pick(['save', 'reload', 'token', 'touch', 'save', 'migrate'] as const);
        return [{ op }, this.pause(0, 30)];
    }

    /** Whether a route goes on for a while, and looks again. */
    private after(): Op[] {
        const { random } = this;
        const kind = random.weighted({ nothing: 50, wait: 22, compute: 4, save: 12, read: 12 });
        switch (kind) {
            case 'nothing':
                return [];
            case 'save':
                return [{ op: 'save' }, this.pause(0, 50)];
            case 'read':
                return [this.pause(0, 30), { op: 'read' }];
            case 'compute':
                return [{ op: 'compute', ms: random.between(1, 15) }];
            default:
                return [this.pause(0, 50)];
        }
    }

    private changes(count: number): Op[] {
        return Array.from({ length: count }, () => this.change());
    }

    private change(): Op {
        const { random } = this;
        const kind = random.weighted({
            set: 30,
            delete: 6,
            append: 14,
            increment: 22,
            pull: 6,
            voucher: 6,
            flash: 8,
            flashed: 5,
            maxAge: 3,
        });
        switch (kind) {
            case 'set':
                return { op: 'set', key: random.pick(KEYS), value: this.value() };
            case 'delete':
                return { op: 'delete', key: random.pick(KEYS) };
            case 'append':
                return { op: 'append', key: random.pick(LISTS), value: this.value() };
            case 'increment':
                return { op: 'increment', key: random.pick(COUNTERS), by: random.between(1, 3) };
            case 'pull':
                return { op: 'pull', key: random.pick([...KEYS, 'voucher']) };
            case 'voucher':
                return { op: 'set', key: 'voucher', value: this.value() };
            case 'flash':
                return { op: 'flash', key: random.pick(NOTES), value: this.value() };
            case 'flashed':
                return { op: 'flashed', key: random.pick(NOTES) };
            default:
                this.count += 1;
                return { op: 'maxAge', ms: 3_600_000 + this.count * 10_000 };
        }
    }

    private value(): string {
        this.count += 1;
        return `${this.name}.${this.count}`;
    }

    private pause(least: number, most: number): Op {
        return { op: 'wait', ms: this.random.between(least, most) };
    }
}

const CHANGES_ID = new Set(['login', 'migrate', 'regenerate', 'logout', 'destroy', 'unset']);

/** A stream's headers leave after its first work; what gives the browser another cookie comes before that. */
function withHead(plan: Plan): Plan {
    const ops = plan.ops.filter(({ op }) => op !== 'head');
    if (plan.ending !== 'stream') {
        return { ...plan, ops };
    }
    const at = Math.max(ops.findLastIndex(({ op }) => CHANGES_ID.has(op)) + 1, Math.floor(ops.length / 2));
    return { ...plan, ops: [...ops.slice(0, at), { op: 'head' }, ...ops.slice(at)] };
}

/** A look at the session, which shows what the requests before it have left. */
export function look(browser: number, process: number): Plan {
    return { ops: [{ op: 'read' }], exclusive: false, page: false, ending: 'json', browser, process, delay: 0 };
}
