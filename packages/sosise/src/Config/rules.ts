import { isPlainObject } from '../Support/isPlainObject.js';
import { nearest } from '../Support/nearest.js';
import { show } from '../Support/show.js';
import type { Place } from './Place.js';

/** Looks at one value and reports to its place what is wrong with it. */
export type Rule = (value: unknown, at: Place) => void;

/** The rules of an object's keys, by name. */
export type Shape = Readonly<Record<string, Rule>>;

export interface StringOptions {
    /** In characters. */
    minLength?: number;
    pattern?: RegExp;
    /** What messages say is allowed, such as `names of HTTP headers`; made from the other options when left out. */
    allowed?: string;
}

export interface NumberOptions {
    min?: number;
    max?: number;
    /** Said in messages only: `milliseconds`. */
    unit?: string;
}

/** true or false. The words in quotes are refused: "false" would count as true. */
export function boolean(): Rule {
    return (value, at) => {
        if (typeof value !== 'boolean') {
            at.problem(value, 'true, false', value === 'true' || value === 'false' ? unquote(value) : undefined);
        }
    };
}

export function string(options: StringOptions = {}): Rule {
    const { minLength = 0, pattern } = options;
    const allowed = options.allowed ?? describeStrings(minLength, pattern);
    return (value, at) => {
        // search() and not test(), which a pattern with the g flag would answer differently each time.
        if (typeof value !== 'string' || value.length < minLength || (pattern && value.search(pattern) < 0)) {
            at.problem(value, allowed);
        }
    };
}

/** Whole numbers that JavaScript holds exactly. */
export function integer(options: NumberOptions = {}): Rule {
    return numeric('integers', Number.isSafeInteger, options);
}

/** Finite numbers. */
export function number(options: NumberOptions = {}): Rule {
    return numeric('numbers', Number.isFinite, options);
}

/** One of the listed values, compared by identity. */
export function oneOf(...values: readonly unknown[]): Rule {
    const allowed = values.map((value) => show(value)).join(', ');
    const names = values.filter((value) => typeof value === 'string');
    return (value, at) => {
        if (!values.includes(value)) {
            at.problem(value, allowed, meant(value, values, names));
        }
    };
}

/** A list whose items all follow one rule. */
export function arrayOf(rule: Rule): Rule {
    return (value, at) => {
        if (!Array.isArray(value)) {
            at.problem(value, 'lists');
            return;
        }
        for (const [index, item] of value.entries()) {
            rule(item, at.key(index));
        }
    };
}

/** A value that follows at least one of the rules. */
export function anyOf(...rules: readonly Rule[]): Rule {
    return (value, at) => {
        const attempts = rules.map((rule) => {
            const attempt = at.attempt();
            rule(value, attempt);
            return attempt.problems;
        });
        if (attempts.some((problems) => problems.length === 0)) {
            return;
        }
        // What failed only further down had the right shape: its problems say more than a list of alternatives.
        const deeper = attempts.find((problems) => problems.every((problem) => problem.path !== at.path));
        const here = attempts.flat().filter((problem) => problem.path === at.path && problem.allowed !== undefined);
        if (deeper || here.length === 0) {
            at.problems.push(...(deeper ?? attempts[0] ?? []));
            return;
        }
        const allowed = [...new Set(here.map((problem) => problem.allowed))].join(', ');
        at.problem(value, allowed, here.find((problem) => problem.hint)?.hint);
    };
}

/** A value that may be left out; null is not left out. */
export function optional(rule: Rule): Rule {
    return (value, at) => {
        if (value !== undefined) {
            rule(value, at);
        }
    };
}

/** A value that may be null. */
export function nullable(rule: Rule): Rule {
    return anyOf(rule, oneOf(null));
}

export function func(): Rule {
    return (value, at) => {
        if (typeof value !== 'function') {
            at.problem(value, 'functions');
        }
    };
}

export function instanceOf(Class: abstract new (...args: never[]) => unknown): Rule {
    return (value, at) => {
        if (!(value instanceof Class)) {
            at.problem(value, `instances of ${Class.name}`);
        }
    };
}

/** A plain object with these keys and no others; with `open`, others pass unchecked. */
export function object(shape: Shape, options: { open?: boolean } = {}): Rule {
    const known = Object.keys(shape);
    return (value, at) => {
        if (!isPlainObject(value)) {
            at.problem(value, 'plain objects');
            return;
        }
        for (const key of Object.keys(value)) {
            if (!options.open && !Object.hasOwn(shape, key)) {
                unknownKey(key, known, at);
            }
        }
        for (const [key, rule] of Object.entries(shape)) {
            rule(Object.hasOwn(value, key) ? value[key] : undefined, at.key(key));
        }
    };
}

/** A plain object with any keys, whose values all follow one rule. */
export function record(rule: Rule): Rule {
    return (value, at) => {
        if (!isPlainObject(value)) {
            at.problem(value, 'plain objects');
            return;
        }
        for (const [key, item] of Object.entries(value)) {
            rule(item, at.key(key));
        }
    };
}

function numeric(kind: string, test: (value: unknown) => boolean, options: NumberOptions): Rule {
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = options;
    const allowed = `${kind}${describeRange(options)}${options.unit ? ` (${options.unit})` : ''}`;
    const fits = (value: unknown): boolean => test(value) && (value as number) >= min && (value as number) <= max;
    return (value, at) => {
        if (!fits(value)) {
            const quoted = typeof value === 'string' && value.trim() !== '' && fits(Number(value));
            at.problem(value, allowed, quoted ? unquote(String(Number(value))) : undefined);
        }
    };
}

function describeRange({ min, max }: NumberOptions): string {
    if (min !== undefined && max !== undefined) {
        return ` from ${min} to ${max}`;
    }
    if (min !== undefined) {
        return ` of at least ${min}`;
    }
    return max === undefined ? '' : ` of at most ${max}`;
}

function describeStrings(minLength: number, pattern: RegExp | undefined): string {
    const length = minLength > 1 ? ` of at least ${minLength} characters` : '';
    return `${minLength === 1 ? 'non-empty ' : ''}strings${length}${pattern ? ` that match ${pattern}` : ''}`;
}

/** The allowed value that a wrong one was probably meant to be, as a clause. */
function meant(value: unknown, values: readonly unknown[], names: readonly string[]): string | undefined {
    if (typeof value !== 'string') {
        return undefined;
    }
    const unquoted = values.find((allowed) => typeof allowed !== 'string' && String(allowed) === value);
    if (unquoted !== undefined) {
        return unquote(value);
    }
    const near = nearest(value, names);
    return near === undefined ? undefined : `did you mean ${show(near)}?`;
}

function unknownKey(key: string, known: readonly string[], at: Place): void {
    const near = nearest(key, known);
    const rest = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${at.key(near).path}?`;
    at.key(key).say(`is not a known key: ${rest}`);
}

function unquote(value: string): string {
    return `use ${value} without quotes`;
}
