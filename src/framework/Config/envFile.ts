import {
    chmodSync,
    chownSync,
    constants,
    copyFileSync,
    existsSync,
    linkSync,
    readFileSync,
    realpathSync,
    renameSync,
    rmSync,
    statSync,
    writeFileSync,
} from 'node:fs';
import { parse } from 'dotenv';
import { ConfigError } from '../Exceptions/errors.js';

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
            { cause },
        );
    }
    if (bytes.includes(0)) {
        throw new ConfigError(`${path} is not UTF-8 text: save it in that encoding (PowerShell's > writes UTF-16).`);
    }
    return bytes;
}

/** The file's content with one variable set: its last empty line is filled in, or a line appended. All else stays byte for byte. */
export function withVariable(content: Buffer, name: string, value: string): Buffer {
    const text = content.toString('latin1'); // one character a byte, so that any encoding survives
    const wanted = JSON.stringify({ ...parse(content), [name]: value });
    const empty = new RegExp(
        `^([ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=)[ \\t]*(?:""|''|\`\`)?(?=[ \\t]*(?:#.*)?$)`,
        'gm',
    );
    const line = [...text.matchAll(empty)].at(-1);
    if (line) {
        const end = line.index + line[0].length;
        const filled = Buffer.from(`${text.slice(0, line.index)}${line[1]}${value}${text.slice(end)}`, 'latin1');
        // It may have been part of another variable's value of several lines.
        if (JSON.stringify(parse(filled)) === wanted) {
            return filled;
        }
    }
    const newline = text.includes('\r\n') ? '\r\n' : '\n';
    const gap = text === '' || text.endsWith('\n') ? '' : newline;
    return Buffer.from(`${text}${gap}${name}=${value}${newline}`, 'latin1');
}

/**
 * Makes or changes an env file so that no reader sees a part of it and no other process's change is lost. `change`
 * gets what is there now, and gives the new content or undefined to leave it. True if something was written.
 */
export function changeEnvFile(path: string, change: (current: Buffer | undefined) => Buffer | undefined): boolean {
    const target = existsSync(path) ? realpathSync(path) : path; // a link stays one
    const temporary = `${target}.new`;
    lock(temporary);
    let moved = false;
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

/** Makes the target whole in one step, and never over one that appeared meanwhile. */
function createFrom(temporary: string, target: string): void {
    try {
        linkSync(temporary, target);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
            throw error;
        }
        copyFileSync(temporary, target, constants.COPYFILE_EXCL); // a file system without links
    }
}
