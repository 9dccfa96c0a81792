import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { ServiceUnavailableException } from '../Exceptions/ServiceUnavailableException.js';
import { Semaphore } from '../Support/Semaphore.js';
import { type PasswordHash, parseHash, type ScryptCost, textOf } from './PasswordHash.js';

/** OWASP's first choice for scrypt: 128 MB of memory for each hash. */
const TODAY: ScryptCost = { ln: 17, r: 8, p: 1 };
const SALT_BYTES = 16;
const KEY_BYTES = 32;
/** Nobody types more; what is longer would only cost time. */
const MOST_CHARACTERS = 1_024;
/** Each takes one of the four threads that Node.js has, which read and write files, too. */
const MOST_AT_ONCE = 2;
/** At half a second each, the last of them waits for ten seconds: it is answered before its response timeout. */
const MOST_WAITING = 40;

/** Stands in for the hash of a user who does not exist, so that the answer takes as long. No password fits it. */
const NOBODY: PasswordHash = { ...TODAY, salt: Buffer.alloc(SALT_BYTES), key: Buffer.alloc(KEY_BYTES) };

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);
const slots = new Semaphore(MOST_AT_ONCE);
let underWay = 0;

/** What to keep of a password, in place of it: a text with the salt and the parameters of scrypt in it. */
export async function hashPassword(password: string): Promise<string> {
    if (!isPossible(password)) {
        throw new TypeError(
            `hashPassword(password) needs a text of 1 to ${MOST_CHARACTERS} characters: check it before, as with validate().`,
        );
    }
    const salt = randomBytes(SALT_BYTES);
    const key = await keyOf(password, { ...TODAY, salt, key: Buffer.alloc(KEY_BYTES) });
    return textOf({ ...TODAY, salt, key });
}

/**
 * Whether a password is the one that was hashed. Where there is no hash, because nobody has that name, it takes as long and
 * is false: `verifyPassword(password, user?.passwordHash)`. So it is for a hash that `hashPassword` has not made.
 */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
    const known = parseHash(hash);
    const { key, ...how } = known ?? NOBODY;
    const found = await keyOf(isPossible(password) ? password : '', { ...how, key });
    return timingSafeEqual(found, key) && known !== undefined && isPossible(password);
}

/** Whether a hash is weaker than those that `hashPassword` makes today: replace it at the next login, where the password is at hand. */
export function needsRehash(hash: string): boolean {
    const known = parseHash(hash);
    return !known || known.ln < TODAY.ln || known.r < TODAY.r || known.p < TODAY.p || known.key.length < KEY_BYTES;
}

function isPossible(password: unknown): boolean {
    return typeof password === 'string' && password !== '' && password.length <= MOST_CHARACTERS;
}

/** A burst of logins waits here: all at once would need 128 MB each. */
async function keyOf(password: string, { ln, r, p, salt, key }: PasswordHash): Promise<Buffer> {
    if (underWay >= MOST_AT_ONCE + MOST_WAITING) {
        throw new ServiceUnavailableException('Too many people are logging in: please try again in a moment.', {
            retryAfterSeconds: 10,
        });
    }
    underWay += 1;
    await slots.enter();
    try {
        const N = 2 ** ln;
        // The same letter can be typed in several ways; what OpenSSL counts is a little more than 128 * N * r.
        return await derive(password.normalize('NFKC'), salt, key.length, { N, r, p, maxmem: 128 * r * (N + p + 2) });
    } finally {
        slots.leave();
        underWay -= 1;
    }
}
