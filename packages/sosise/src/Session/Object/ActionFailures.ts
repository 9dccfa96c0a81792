/** What a route may ask of its session that takes a call of the store; `end`: destroy or logout. */
export type Action = 'save' | 'reload' | 'migrate' | 'regenerate' | 'login' | 'end';

const ALL: readonly Action[] = ['save', 'migrate', 'regenerate', 'login', 'end'];
/** A save does not make up for a regenerate that failed: the visitor has the old id. A login does. */
const MAKES_UP_FOR: Readonly<Record<Action, readonly Action[]>> = {
    save: ['save'],
    reload: [],
    migrate: ['migrate'],
    regenerate: ALL.filter((action) => action !== 'login'),
    login: ALL,
    end: ALL,
};

/** What a route asked for and has failed: its answer is no success, unless something that makes up for it succeeds later. */
export class ActionFailures {
    private failed: Map<Action, unknown> | undefined;

    /** Undefined: nothing has failed. */
    public get first(): unknown {
        return this.failed?.values().next().value;
    }

    /** A reload may fail: nothing that should be stored is lost by it. */
    public add(action: Action, error: unknown): void {
        if (action !== 'reload') {
            this.failed ??= new Map();
            this.failed.set(action, error);
        }
    }

    public succeeded(action: Action): void {
        for (const failed of this.failed ? MAKES_UP_FOR[action] : []) {
            this.failed?.delete(failed);
        }
    }
}
