/** One thing that was looked at, in plain words. */
export interface Check {
    /** `problem`: sessions do not work with it. `warning`: they do, and it is a risk. */
    readonly status: 'ok' | 'warning' | 'problem';
    /** What was looked at: `Session cookie`. */
    readonly name: string;
    /** What was found, as one sentence or two. Never a secret, an id or what a session holds. */
    readonly text: string;
    /** What to do about it; there is one wherever something is wrong. */
    readonly fix?: string;
}

export function ok(name: string, text: string): Check {
    return { status: 'ok', name, text };
}

export function warning(name: string, text: string, fix: string): Check {
    return { status: 'warning', name, text, fix };
}

export function problem(name: string, text: string, fix: string): Check {
    return { status: 'problem', name, text, fix };
}
