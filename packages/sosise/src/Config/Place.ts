import { isSecretName } from '../Support/secretNames.js';
import { isCount, show } from '../Support/show.js';
import type { Environment } from './Environment.js';

/** One thing that is wrong with a configuration. */
export interface Problem {
    /** Where in the file, such as `cookie.sameSite`. */
    readonly path: string;
    /** What would be right there, where the problem is one of a wrong value. */
    readonly allowed?: string;
    /** A last clause that names the fix: `did you mean "lax"?`. */
    readonly hint?: string;
    /** The whole line as people read it. */
    readonly line: string;
}

/** A place in a config file, where rules look at the value and report what is wrong with it. */
export class Place {
    public constructor(
        /** How messages name the file: `src/config/session.ts`. */
        public readonly file: string,
        private readonly knownEnvironment?: Environment,
        /** Where in the file, such as `cookie.sameSite`; empty for the whole of it. */
        public readonly path: string = '',
        /** Whether this place, or one above it, has the name of a secret. */
        private readonly hidden: boolean = false,
        /** What was found wrong here, below, and wherever this list is shared. */
        public readonly problems: Problem[] = [],
    ) {}

    /** How the application runs, for rules that differ between development and production. */
    public get environment(): Environment {
        if (!this.knownEnvironment) {
            throw new Error(`The environment is not known yet while ${this.file} is read.`);
        }
        return this.knownEnvironment;
    }

    /** The place of a key (or an index) below this one; what goes wrong there is reported here too. */
    public key(name: string | number): Place {
        const plain = typeof name === 'string' && /^[\w$-]+$/.test(name);
        const step = plain ? `${this.path && '.'}${name}` : `[${show(name)}]`;
        const hidden = this.hidden || isSecretName(String(name));
        return new Place(this.file, this.knownEnvironment, this.path + step, hidden, this.problems);
    }

    /** The same place with a list of its own, for trying a rule out. */
    public attempt(): Place {
        return new Place(this.file, this.knownEnvironment, this.path, this.hidden);
    }

    /**
     * Reports a wrong value. `allowed` completes "allowed are …", as in `integers of at least 0`; `hint` is a last
     * clause that names the fix. The value is printed short, and not at all under the name of a secret.
     */
    public problem(given: unknown, allowed: string, hint?: string): void {
        const shownHint = this.hidden ? undefined : hint;
        const value =
            given === undefined ? 'is missing' : `is ${show(given, this.hidden && !isCount(this.path, given))}`;
        const text = `${value}: allowed are ${allowed}${shownHint ? `; ${shownHint}` : ''}`;
        this.problems.push({ path: this.path, allowed, hint: shownHint, line: this.line(text) });
    }

    /** Reports a problem in words of its own: `at.key('cookie').say('is a function: …')`. Never put a secret into it. */
    public say(text: string): void {
        this.problems.push({ path: this.path, line: this.line(text) });
    }

    private line(text: string): string {
        const sentence = this.path ? `${this.path} ${text}` : text;
        return `${this.file}: ${sentence}${/[.?!]$/.test(sentence) ? '' : '.'}`;
    }
}

/** The one message for all problems: a sentence for one, a list for several. */
export function summary(lines: readonly string[]): string {
    return lines.length === 1
        ? (lines[0] as string)
        : `The configuration has ${lines.length} problems:\n${lines.join('\n')}`;
}
