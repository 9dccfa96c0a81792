import { isIP } from 'node:net';
import { ConfigError } from '../Exceptions/errors.js';
import { nearest } from '../Support/nearest.js';
import { isSecretName } from '../Support/secretNames.js';
import { show } from '../Support/show.js';
import { isFromFile } from './fileVariables.js';
import { intendedOrigin } from './intendedOrigin.js';
import { sourceOf, valueFrom } from './variable.js';

/** A variable, or several for one setting: the real environment's come first, in their order, then those of `.env`. */
type Names = string | readonly string[];

/** A variable that is set, with its text or that of the file it names; blank counts as unset. */
function find(names: Names): { name: string; value: string } | undefined {
    const found = [names].flat().flatMap((name) => {
        const source = sourceOf(name, process.env);
        return source === undefined ? [] : { name, source };
    });
    const chosen = found.find(({ source }) => !isFromFile(process.env, source)) ?? found[0];
    return chosen && { name: chosen.source, value: valueFrom(chosen.source, chosen.name, process.env) };
}

function refuse(name: string, value: string, is: string, use: string, hint = ''): ConfigError {
    const source = '(from .env or the environment)';
    return new ConfigError(
        isSecretName(name)
            ? `${name} ${is} (its value is not shown): use ${use} ${source}.`
            : `${name}=${show(value)} ${is}: use ${use} ${source}${hint ? `; ${hint}` : '.'}`,
        { errorCode: 'E_ENV_INVALID' },
    );
}

/** What a variable says, read in its own way; the fallback where it is unset. */
function read<Value, Fallback>(
    names: Names,
    fallback: Fallback | undefined,
    parse: (text: string, name: string) => Value,
): Value | Fallback {
    const found = find(names);
    return found ? parse(found.value.trim(), found.name) : (fallback as Fallback);
}

function string<Fallback extends string | null | undefined = undefined>(
    names: Names,
    fallback?: Fallback,
): string | Fallback {
    return find(names)?.value ?? (fallback as Fallback);
}

function required(name: string): string {
    const found = find(name);
    if (found === undefined) {
        const file = configFileIn(new Error().stack) ?? 'The application';
        throw new ConfigError(`${file} needs ${name}: set it in .env or in the environment.`, {
            errorCode: 'E_ENV_MISSING',
        });
    }
    return found.value;
}

/** The file in src/config, or what was built of it, that asks for a variable. */
function configFileIn(stack = ''): string | undefined {
    const [, name] = /[\\/](?:src|build)[\\/]config[\\/]([\w.-]+)\.[cm]?[jt]s\b/.exec(stack) ?? [];
    return name && `src/config/${name}.ts`;
}

function integer<Fallback extends number | null | undefined = undefined>(
    names: Names,
    fallback?: Fallback,
): number | Fallback {
    return read(names, fallback, (text, name) => {
        if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(Number(text))) {
            throw refuse(name, text, 'is not an integer', `a whole number such as ${fallback ?? 10}`);
        }
        return Number(text);
    });
}

/** A path of the file system, or a pipe of Windows. */
export const SOCKET_PATH = /^\/|^\\\\[.?]\\pipe\\/;

function port<Fallback extends number | string | null | undefined = undefined>(
    names: Names,
    fallback?: Fallback,
): number | string | Fallback {
    return read(names, fallback, (text, name) => {
        const isPath = SOCKET_PATH.test(text);
        if (!isPath && !/^\d+$/.test(text)) {
            const use = `a whole number such as ${fallback ?? 10000}, or the path of a socket such as /run/shop.sock`;
            throw refuse(name, text, 'is no port', use);
        }
        return isPath ? text : Number(text);
    });
}

function boolean<Fallback extends boolean | null | undefined = undefined>(
    names: Names,
    fallback?: Fallback,
): boolean | Fallback {
    return read(names, fallback, (text, name) => {
        if (!/^(true|false)$/i.test(text)) {
            throw refuse(name, text, 'is not a boolean', 'true or false');
        }
        return text.toLowerCase() === 'true';
    });
}

function list<Fallback extends readonly string[] | null | undefined = undefined>(
    names: Names,
    fallback?: Fallback,
): string[] | Fallback {
    const items = read(names, [], itemsOf);
    return items.length > 0 ? items : (fallback as Fallback);
}

function itemsOf(text: string): string[] {
    return text.split(/\s*,\s*/).filter((item) => item !== '');
}

function origins<Fallback extends readonly string[] | null | undefined = undefined>(
    names: Names,
    fallback?: Fallback,
): string[] | Fallback {
    return read(names, fallback, (text, name) => {
        const items = itemsOf(text);
        for (const item of items) {
            const meant = intendedOrigin(item);
            if (meant !== item) {
                const use = 'origins such as https://app.example.com, separated by commas';
                throw refuse(name, item, 'is no origin', use, meant && `write ${show(meant)}.`);
            }
        }
        return items;
    });
}

function proxies<Fallback extends boolean | number | string | readonly string[] | null | undefined = undefined>(
    names: Names,
    fallback?: Fallback,
): boolean | number | string[] | Fallback {
    return read(names, fallback, (text, name) => {
        const word = text.toLowerCase();
        if (word === 'true' || word === 'false') {
            return word === 'true';
        }
        if (/^\d{1,2}$/.test(text)) {
            return Number(text);
        }
        const items = itemsOf(text);
        if (items.length === 0 || !items.every(isProxy)) {
            const use = 'the number of proxies in front, their addresses such as loopback,10.0.0.0/8, or false';
            const near = nearest(word, ['true', 'false', ...NEAR_PROXIES]);
            throw refuse(name, text, 'names no proxies', use, near && `did you mean ${show(near)}?`);
        }
        return items;
    });
}

/** Express's words for the addresses of a machine, a link and a private network. */
const NEAR_PROXIES: readonly string[] = ['loopback', 'linklocal', 'uniquelocal'];

/** An address, perhaps with the bits that its network shares, or a word for several. */
function isProxy(text: string): boolean {
    const [address = '', bits, ...rest] = text.split('/');
    const longest = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
    const isNetwork = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) > 0 && Number(bits) <= longest);
    return NEAR_PROXIES.includes(text) || (longest > 0 && isNetwork && rest.length === 0);
}

function oneOf<const Value extends string, Fallback extends Value | null | undefined = undefined>(
    names: Names,
    values: readonly Value[],
    fallback?: Fallback,
): Value | Fallback {
    return read(names, fallback, (text, name) => {
        const meant = values.find((allowed) => allowed === text);
        if (meant === undefined) {
            const near = nearest(text, values);
            const hint = near && `did you mean ${show(near)}?`;
            throw refuse(name, text, 'is not allowed', `one of ${values.join(', ')}`, hint);
        }
        return meant;
    });
}

/**
 * Typed readers over the environment, for the files in `src/config` and nowhere else. A variable that is unset or
 * blank gives the fallback (undefined without one, so that the default of the framework holds); a wrong value stops
 * start-up with a ConfigError that names the variable and what is allowed. Of several names for one setting, the real
 * environment's win over `.env`: `env.integer(['LISTEN_PORT', 'PORT'], 10000)`. Of each, `<NAME>_FILE` may name a file that
 * holds the value.
 */
export const env = {
    /** The text as it is. */
    string,
    /** The text as it is, of a variable without which the application does not start: `env.required('MAIL_KEY')`. */
    required,
    /** A whole number: `env.integer('LISTEN_PORT', 10000)`. */
    integer,
    /** What a server listens on: a port's number, or the path of a socket or pipe, as hosts such as iisnode set it in PORT. */
    port,
    /** `true` or `false`, in any case. */
    boolean,
    /** Items between commas, trimmed, without empty ones. */
    list,
    /** Origins as browsers send them, between commas: `https://app.example.com`. */
    origins,
    /** Whose headers are trusted: a number of proxies in front, their addresses between commas, `false`, or `true` for anybody. */
    proxies,
    /** One of the given words: `env.oneOf('LOG_LEVEL', ['debug', 'info'], 'info')`. */
    oneOf,
};
