import { readFileSync } from 'node:fs';
import { ConfigError } from '../Exceptions/errors.js';
import { isFromFile } from './fileVariables.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** The variable that may name a file with the value instead, as Docker's and Kubernetes' secrets come. */
export function fileVariableOf(name: string): string {
    return `${name}_FILE`;
}

/** Which of two variables says a value: it itself, or the one that names a file. Undefined: neither; blank counts as unset. */
export function sourceOf(name: string, variables: Variables): string | undefined {
    const both = [name, fileVariableOf(name)].filter((one) => (variables[one]?.trim() ?? '') !== '');
    const [first, second] = both.sort((a, b) => +isFromFile(variables, a) - +isFromFile(variables, b));
    if (first && second && isFromFile(variables, first) === isFromFile(variables, second)) {
        throw new ConfigError(`${first} and ${second} are both set: remove one of them.`, {
            errorCode: 'E_ENV_INVALID',
        });
    }
    return first;
}

/** The value that a variable says, or the file that it names. */
export function valueFrom(source: string, name: string, variables: Variables): string {
    const value = variables[source] as string;
    return source === name ? value : textIn(value.trim(), source);
}

/** A file's text without the line's end that editors put behind it. */
function textIn(path: string, source: string): string {
    let text: string;
    try {
        text = readFileSync(path, 'utf8').replace(/[\r\n]+$/, '');
    } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        throw new ConfigError(
            `${source} names ${path}, which can't be read (${code}): correct the path, or give this user the right to read it.`,
            { errorCode: 'E_ENV_UNREADABLE', cause },
        );
    }
    if (text.trim() === '') {
        throw new ConfigError(`${source} names ${path}, which is empty: put the value into it.`, {
            errorCode: 'E_ENV_INVALID',
        });
    }
    return text;
}
