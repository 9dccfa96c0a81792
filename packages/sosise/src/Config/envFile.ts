import {
    chmodSync,
    chownSync,
    existsSync,
    readFileSync,
    realpathSync,
    renameSync,
    rmSync,
    statSync,
    writeFileSync,
} from 'node:fs';
import { parse } from 'dotenv';
import { ConfigError } from '../Exceptions/errors.js';
import { createFrom } from '../Support/Files/writeNew.js';

const ABANDONED_AFTER_MS = 2_000;
const WAIT_MS = 20;
const MOST_WAITS = 150;

/** The bytes of an env file, or undefined where there is none. Throws a ConfigError when it is there and can't be used. */
export function readEnvFile(path: string): Buffer | undefined {
    let bytes: Buffer;
    try {
        bytes = readFileSync(path);
    } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        if (code === 'ENOENT') {
            return undefined;
        }
        throw new ConfigError(
            code === 'EISDIR'
                ? `${path} is a folder: remove it, or put a file with lines like LISTEN_PORT=10000 in its place.`
                : `${path} can't be read (${code}): give the user that runs the application the right to read it, with chown or chmod.`,
            { errorCode: 'E_ENV_UNREADABLE', cause },
        );
    }
    if (bytes.includes(0)) {
        throw new ConfigError(`${path} is not UTF-8 text: save it in that encoding (PowerShell's > writes UTF-16).`, {
            errorCode: 'E_ENV_UNREADABLE',
        });
    }
    return bytes;
}

/**
 * The file's content with one variable set: the last line that sets it gets the new value, or one is appended. All else
 * stays byte for byte. Throws a ConfigError where no way of quoting would make dotenv read the value back.
 */
export function withVariable(content: Buffer, name: string, value: string): Buffer {
    const wanted = JSON.stringify({ ...parse(content), [name]: value });
    for (const quoted of ['', "'", '"', '`'].map((quote) => quote + value + quote)) {
        const changed = replaced(content, name, quoted);
        // Where dotenv reads the lines around it in another way, the value is appended: the last one counts.
        if (changed && JSON.stringify(parse(changed)) === wanted) {
            return changed;
        }
        const longer = appended(content, name, quoted);
        if (parse(longer)[name] === value) {
            return longer;
        }
    }
    throw new ConfigError(`The value of ${name} can't be written into an env file: it holds every kind of quote.`, {
        errorCode: 'E_ENV_INVALID',
    });
}

/** A variable as dotenv finds it: what comes before its value, its name, its value with the space before it. */
const ASSIGNMENT =
    /(^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?))(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?$/gm;

/** The variables whose values end before a `#`, as they have no quotes: what is behind it counts as a comment. */
export function cutVariables(content: Buffer): string[] {
    const cut = new Map<string, boolean>();
    for (const [whole, before = '', name = '', value = ''] of content.toString('latin1').matchAll(ASSIGNMENT)) {
        const isTouched = whole.slice(before.length + value.length).startsWith('#') && !/\s$/.test(before + value);
        cut.set(name, isTouched && !/^\s*(['"`]).*\1$/s.test(value));
    }
    return [...cut].filter(([, isCut]) => isCut).map(([name]) => name);
}

function replaced(content: Buffer, name: string, quoted: string): Buffer | undefined {
    const text = content.toString('latin1'); // one character a byte, so that any encoding survives
    const last = [...text.matchAll(ASSIGNMENT)].filter(([, , found]) => found === name).at(-1);
    if (!last) {
        return undefined;
    }
    const [, before = '', , value = ''] = last;
    const start = Buffer.from(text.slice(0, last.index) + before, 'latin1');
    const end = Buffer.from(text.slice(start.length + value.replace(/[ \t]+$/, '').length), 'latin1');
    return Buffer.concat([start, Buffer.from(quoted), end]);
}

function appended(content: Buffer, name: string, quoted: string): Buffer {
    const newline = content.includes('\r\n') ? '\r\n' : '\n';
    const gap = content.length === 0 || content.at(-1) === '\n'.charCodeAt(0) ? '' : newline;
    return Buffer.concat([content, Buffer.from(`${gap}${name}=${quoted}${newline}`)]);
}

/**
 * Makes or changes an env file so that no reader sees a part of it and no other process's change is lost. `change`
 * gets what is there now, and gives the new content or undefined to leave it. True if something was written.
 */
export function changeEnvFile(path: string, change: (current: Buffer | undefined) => Buffer | undefined): boolean {
    const target = existsSync(path) ? realpathSync(path) : path; // a link stays one
    const temporary = `${target}.new`;
    lock(temporary);
    let moved = false; // from then on the name may be another process's
    try {
        const current = readEnvFile(target);
        const next = change(current);
        if (next === undefined) {
            return false;
        }
        writeFileSync(temporary, next, { mode: 0o600 });
        if (current) {
            keepOwnerAndMode(temporary, target);
            renameSync(temporary, target);
            moved = true;
        } else {
            createFrom(temporary, target);
        }
        return true;
    } finally {
        if (!moved) {
            rmSync(temporary, { force: true });
        }
    }
}

/** Makes the temporary file, which is the lock too: whoever made it is the one to write. */
function lock(path: string): void {
    for (let waits = 0; ; waits += 1) {
        try {
            writeFileSync(path, '', { flag: 'wx', mode: 0o600 });
            return;
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || waits === MOST_WAITS) {
                throw error;
            }
        }
        const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
        if (changed !== undefined && changed < Date.now() - ABANDONED_AFTER_MS) {
            rmSync(path, { force: true }); // its process died
        } else {
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
        }
    }
}

/** A container's root must not take the file away from the developer it belongs to. */
function keepOwnerAndMode(temporary: string, target: string): void {
    const { uid, gid, mode } = statSync(target);
    try {
        chownSync(temporary, uid, gid);
    } catch {
        // not ours to give away: the file is owned by who wrote it last
    }
    chmodSync(temporary, mode & 0o777);
}
