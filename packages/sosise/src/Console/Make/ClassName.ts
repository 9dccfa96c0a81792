import { UsageError } from '../UsageError.js';

/** What a generator makes. */
export interface ClassKind {
    /** As it is called in a sentence: `controller`. */
    readonly noun: string;
    /** What names end in. The first is added where none is there; empty: any name is right. */
    readonly suffixes: readonly string[];
    /** A good name, for sentences: `UserController`. */
    readonly example: string;
    /** Names that the framework uses, without their suffix. */
    readonly taken?: readonly string[];
}

/** A class by its name, with the folders that it is nested in. */
export interface ClassName {
    /** `['Admin']`. */
    readonly folders: readonly string[];
    /** `UserProfileController`. */
    readonly name: string;
    /** The name without its suffix: `UserProfile`. */
    readonly stem: string;
    /** The words of the stem: `['user', 'profile']`. */
    readonly words: readonly string[];
}

const SEGMENT = /^[a-z][\w-]*$/i;

/** Reads `user-profile`, `Admin/User` or `Admin/UserController`. Throws a UsageError with an example where it can't be a name. */
export function classNameOf(given: string, kind: ClassKind): ClassName {
    const segments = given.replaceAll('\\', '/').split('/');
    const { example } = kind;
    if (!segments.every((segment) => SEGMENT.test(segment))) {
        throw new UsageError(
            `'${given}' can't name a class: use letters, digits, - and _, with a letter first, as in ${example} or Admin/${example}.`,
        );
    }
    const [last = '', ...above] = segments.map(pascal).reverse();
    const { name, stem } = withSuffix(last, kind);
    const folders = above.reverse();
    if (Object.hasOwn(globalThis, name)) {
        throw new UsageError(`${name} means something else in JavaScript: choose another name, such as ${example}.`);
    }
    return { folders, name, stem, words: wordsOf(stem) };
}

/** `user-profile` and `userProfile` are `UserProfile`. */
function pascal(segment: string): string {
    return segment
        .split(/[-_]+/)
        .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
        .join('');
}

function withSuffix(name: string, { noun, suffixes, example, taken = [] }: ClassKind): { name: string; stem: string } {
    const there = suffixes.find((suffix) => name.toLowerCase().endsWith(suffix.toLowerCase()));
    const stem = there ? name.slice(0, -there.length) : name;
    if (stem === '') {
        throw new UsageError(`${name} alone says too little: put what it is for before it, as in ${example}.`);
    }
    if (taken.some((other) => other.toLowerCase() === stem.toLowerCase())) {
        throw new UsageError(`The framework has a ${noun} ${stem} already: choose another name, such as ${example}.`);
    }
    return { stem, name: stem + (there ?? suffixes[0] ?? '') };
}

function wordsOf(stem: string): string[] {
    const words = stem.match(/[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*/g) ?? [stem];
    return words.map((word) => word.toLowerCase());
}
