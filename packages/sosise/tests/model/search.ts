import type { Call } from './Browser.js';
import { Model, type ModelOptions, newRun, type Run, type State } from './Model.js';

/** The store forgot all: its process was killed, and it kept nothing. */
export interface Wipe {
    readonly from: number;
    readonly until: number;
}

export type Verdict =
    | { readonly kind: 'explained'; readonly states: readonly State[]; readonly looked: number }
    /** Too many orders to look at. */
    | { readonly kind: 'unknown' }
    | { readonly kind: 'wrong'; readonly why: readonly string[] };

const MOST_LOOKS = 25_000;
const MOST_STATES = 60;

interface Node {
    readonly state: State;
    /** How many of the wipes have been. */
    readonly wiped: number;
}

/**
 * Looks for an order of what the requests of a window did, one step at a time, that the model agrees with and that no clock
 * contradicts (linearizability). Gives every state that such an order ends in.
 */
export function explain(
    before: readonly State[],
    calls: ReadonlyMap<number, Call>,
    fresh: readonly Call[],
    wipes: readonly Wipe[],
    options: ModelOptions,
): Verdict {
    const complaints = new Map<string, number>();
    let depth = 0;
    const disagree = (run: Run, why: string) => {
        const text = `request #${run.call}: ${why}`;
        complaints.set(text, Math.max(depth, complaints.get(text) ?? 0));
    };
    const model = new Model(calls, options, disagree);
    const seen = new Set<string>();
    const ends = new Map<string, State>();
    const stack = before.map((state): [Node, number] => [
        { state: { ...state, runs: [...state.runs, ...fresh.map(({ id }) => newRun(id))] }, wiped: 0 },
        0,
    ]);
    while (stack.length > 0) {
        const [node, steps] = stack.pop() as [Node, number];
        const key = `${node.wiped} ${keyOf(node.state)}`;
        if (seen.has(key)) {
            continue;
        }
        seen.add(key);
        if (seen.size > MOST_LOOKS) {
            return { kind: 'unknown' };
        }
        const { state, wiped } = node;
        const left = state.runs.map((run) => (model.isDone(run) ? undefined : model.bounds(run)));
        const wipe = wipes[wiped];
        if (!wipe && left.every((bounds) => !bounds?.must)) {
            const runs = state.runs.filter((run) => !model.isDone(run));
            const end = { ...state, runs };
            ends.set(keyOf(end), end);
        }
        // What is known to be over by then comes first.
        const soonest = Math.min(
            wipe?.until ?? Number.POSITIVE_INFINITY,
            ...left.map((bounds) => (bounds?.must ? bounds.until : Number.POSITIVE_INFINITY)),
        );
        depth = steps + 1;
        if (wipe && wipe.from <= soonest) {
            const turns = state.runs.map((run) => (run.turn === undefined ? run : { ...run, fenced: true }));
            stack.push([{ state: { ...state, sessions: {}, turns: {}, runs: turns }, wiped: wiped + 1 }, depth]);
        }
        for (const [index, bounds] of left.entries()) {
            if (bounds && bounds.from <= soonest) {
                for (const next of model.after(state, index)) {
                    stack.push([{ state: next, wiped }, depth]);
                }
            }
        }
    }
    if (ends.size > MOST_STATES) {
        return { kind: 'unknown' };
    }
    if (ends.size > 0) {
        return { kind: 'explained', states: [...ends.values()], looked: seen.size };
    }
    // What came up deepest is nearest to the truth.
    const deepest = Math.max(...complaints.values());
    const why = [...complaints].filter(([, at]) => at >= deepest - 1).map(([text]) => text);
    return { kind: 'wrong', why };
}

/** The same for states that differ only in the order of what they hold. */
function keyOf(state: State): string {
    return JSON.stringify(state, (name, value: unknown) =>
        name === 'sessions' || name === 'ids' || name === 'turns'
            ? Object.entries(value as object).sort(([one], [other]) => (one < other ? -1 : 1))
            : name === 'data' || name === 'view' || name === 'base'
              ? inOrder(value as Readonly<Record<string, unknown>> | null)
              : value,
    );
}

/** What was flashed later comes later; the order of all else means nothing. */
function inOrder(data: Readonly<Record<string, unknown>> | null): unknown {
    const entries = Object.entries(data ?? {});
    const isFlashed = ([key]: [string, unknown]) => key.startsWith('~flash:');
    return (
        data && [
            ...entries.filter((entry) => !isFlashed(entry)).sort(([one], [other]) => (one < other ? -1 : 1)),
            ...entries.filter(isFlashed),
        ]
    );
}
