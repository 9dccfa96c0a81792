import fs from 'node:fs';
import { crc32 } from 'node:zlib';

/** A page of memory: the kernel writes as much in one step, which a kill does not cut. */
const LARGEST_PADDED = 4_096;
const ROUNDED_TO = 256;
/** The checksum's bits, each as one character. */
const SUM_LENGTH = 32;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * A padded record: its text, spaces for it to grow, and a checksum of both in spaces and tabs. Readers of JSON skip all of
 * these. The next record is written over it, in one step, instead of into a new file that is moved to its place. A reader may
 * see parts of both meanwhile, and finds that by the checksum.
 *
 * Undefined where the text needs more than one page.
 */
export function padded(text: string): Buffer | undefined {
    const length = Buffer.byteLength(text);
    const least = length + SUM_LENGTH;
    const size = Math.ceil((least + least / 8) / ROUNDED_TO) * ROUNDED_TO;
    return least > LARGEST_PADDED ? undefined : filled(text, length, Math.min(size, LARGEST_PADDED));
}

/** The same at the size of a file that is there. Undefined where the text does not fit. */
export function paddedTo(size: number, text: string): Buffer | undefined {
    const length = size > LARGEST_PADDED ? 0 : Buffer.byteLength(text);
    return length === 0 || length + SUM_LENGTH > size ? undefined : filled(text, length, size);
}

/** Whether this is a padded record, whole or not. One that was cut off in its spaces is none: it has no checksum. */
export function isPadded(bytes: Buffer): boolean {
    if (bytes.length > LARGEST_PADDED || bytes.length % ROUNDED_TO !== 0 || bytes.length === 0) {
        return false;
    }
    let tabs = 0;
    for (let index = bytes.length - SUM_LENGTH; index < bytes.length; index += 1) {
        if (bytes[index] === TAB) {
            tabs += 1;
        } else if (bytes[index] !== SPACE) {
            return false;
        }
    }
    return tabs > 0;
}

/** The record's text; undefined where the checksum is wrong: it was being written. */
export function textOfPadded(bytes: Buffer): Buffer | undefined {
    let end = bytes.length - SUM_LENGTH;
    let sum = 0;
    for (let index = end; index < bytes.length; index += 1) {
        sum = (sum << 1) | (bytes[index] === TAB ? 1 : 0);
    }
    if (sumOf(bytes.subarray(0, end)) !== sum >>> 0) {
        return undefined;
    }
    while (end > 0 && bytes[end - 1] === SPACE) {
        end -= 1;
    }
    return bytes.subarray(0, end);
}

/** The text of the padded record in an open file, read synchronously; undefined where there is none. */
export function textInFile(fd: number): string | undefined {
    const bytes = READING.subarray(0, fs.readSync(fd, READING, 0, LARGEST_PADDED, 0));
    return isPadded(bytes) ? textOfPadded(bytes)?.toString() : undefined;
}

const READING = Buffer.allocUnsafeSlow(LARGEST_PADDED);

function filled(text: string, length: number, size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size);
    const end = size - SUM_LENGTH;
    bytes.write(text);
    bytes.fill(SPACE, length, end);
    let sum = sumOf(bytes.subarray(0, end));
    for (let index = end; index < size; index += 1) {
        bytes[index] = sum & 0x80000000 ? TAB : SPACE;
        sum <<= 1;
    }
    return bytes;
}

/** Never 0, which would be written as spaces only. */
function sumOf(bytes: Buffer): number {
    return crc32(bytes) || 1;
}
