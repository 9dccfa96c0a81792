import { ConfigError } from '../Exceptions/errors.js';
import { nearest } from './nearest.js';
import { isSecretName, show } from './show.js';

/** The text of a variable; blank counts as unset. */
function read(name: string): string | undefined {
    const value = process.env[name];
    return value === undefined || value.trim() === '' ? undefined : value;
}

function refuse(name: string, value: string, is: string, use: string, hint = ''): ConfigError {
    const source = '(from .env or the environment)';
    return new ConfigError(
        isSecretName(name)
            ? `${name} ${is} (its value is not shown): use ${use} ${source}.`
            : `${name}=${show(value)} ${is}: use ${use} ${source}${hint ? `; ${hint}` : '.'}`,
    );
}

function string<Fallback extends string | null | undefined = undefined>(
    name: string,
    fallback?: Fallback,
): string | Fallback {
    return read(name) ?? (fallback as Fallback);
}

function integer<Fallback extends number | null | undefined = undefined>(
    name: string,
    fallback?: Fallback,
): number | Fallback {
    const value = read(name)?.trim();
    if (value === undefined) {
        return fallback as Fallback;
    }
    if (!/^[+-]?\d+$/.test(value) || !Number.isSafeInteger(Number(value))) {
        throw refuse(name, value, 'is not an integer', `a whole number such as ${fallback ?? 10}`);
    }
    return Number(value);
}

function boolean<Fallback extends boolean | null | undefined = undefined>(
    name: string,
    fallback?: Fallback,
): boolean | Fallback {
    const value = read(name)?.trim();
    if (value === undefined) {
        return fallback as Fallback;
    }
    if (!/^(true|false)$/i.test(value)) {
        throw refuse(name, value, 'is not a boolean', 'true or false');
    }
    return value.toLowerCase() === 'true';
}

function list<Fallback extends readonly string[] | null | undefined = undefined>(
    name: string,
    fallback?: Fallback,
): string[] | Fallback {
    const items = read(name)
        ?.split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
    return items?.length ? items : (fallback as Fallback);
}

function oneOf<const Value extends string, Fallback extends Value | null | undefined = undefined>(
    name: string,
    values: readonly Value[],
    fallback?: Fallback,
): Value | Fallback {
    const value = read(name)?.trim();
    if (value === undefined) {
        return fallback as Fallback;
    }
    const found = values.find((allowed) => allowed === value);
    if (found === undefined) {
        const near = nearest(value, values);
        throw refuse(
            name,
            value,
            'is not allowed',
            `one of ${values.join(', ')}`,
            near && `did you mean ${show(near)}?`,
        );
    }
    return found;
}

/**
 * Typed readers over the environment, for the files in `src/config` and nowhere else. A variable that is unset or
 * blank gives the fallback (undefined without one, so that the default of the framework holds); a wrong value stops
 * start-up with a ConfigError that names the variable and what is allowed.
 */
export const env = {
    /** The text as it is. */
    string,
    /** A whole number: `env.integer('LISTEN_PORT', 10000)`. */
    integer,
    /** `true` or `false`, in any case. */
    boolean,
    /** Items between commas, trimmed, without empty ones. */
    list,
    /** One of the given words: `env.oneOf('LOG_LEVEL', ['debug', 'info'], 'info')`. */
    oneOf,
};
