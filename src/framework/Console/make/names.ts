import { UsageError } from '../UsageError.js';

/** What a class that is to be written is called, and the folders it is put into. */
export interface ClassName {
    /** Folders inside the one for its kind: `['Admin']` for `Admin/UserController`. */
    readonly folders: readonly string[];
    /** `UserController`. */
    readonly name: string;
    /** Without what its kind puts behind it: `User`. */
    readonly stem: string;
}

/** Names that Windows has taken for devices, whatever stands behind their point. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/**
 * Reads a name as a person gives it: `user`, `user-profile`, `Admin/UserController`. Each part becomes PascalCase, and
 * the suffix of its kind is put behind the last one where it is missing. Throws a UsageError for what makes no class.
 */
export function classNameOf(given: string, suffix: string): ClassName {
    const parts = given.split('/').map((part) => pascalCase(part));
    const refused = (why: string) =>
        new UsageError(`The name '${given}' ${why}: use letters and digits, such as ${example(suffix)}.`);
    if (parts.some((part) => !/^[A-Z][A-Za-z0-9]*$/.test(part))) {
        throw refused('makes no class');
    }
    const last = parts.at(-1) as string;
    const stem = last.endsWith(suffix) ? last.slice(0, last.length - suffix.length) : last;
    const name = stem + suffix;
    if (stem === '') {
        throw refused(`is only what stands behind the name`);
    }
    if (name in globalThis) {
        throw refused('is one of JavaScript itself');
    }
    if ([...parts, name].some((part) => DEVICE.test(part))) {
        throw refused('is one that Windows has taken');
    }
    return { folders: parts.slice(0, -1), name, stem };
}

/** `user-profile` → `UserProfile`; capitals that are there stay. */
export function pascalCase(text: string): string {
    return text.replace(/(?:^|[-_ ]+)([A-Za-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** `UserProfile` → `user-profile`. */
export function kebabCase(text: string): string {
    return text
        .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
        .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
        .toLowerCase();
}

function example(suffix: string): string {
    return suffix === '' ? 'Mailer or Billing/Mailer' : `User${suffix} or Admin/User${suffix}`;
}
