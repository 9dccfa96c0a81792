import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { Secret } from '../../Config/secrets.js';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * The id of the session that took another's place at a login, for its tombstone: only who comes with the old id, and only
 * this application, can read it. So a second click on "log in" finds the session that the first has begun.
 */
export function sealSuccessorId(id: string, formerId: string, secret: Secret): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', keyFor(formerId, secret), iv);
    return Buffer.concat([iv, cipher.update(id), cipher.final(), cipher.getAuthTag()]).toString('base64url');
}

/** Undefined where it is not for this id, or sealed with another secret. */
export function openSuccessorId(sealed: string, formerId: string, secret: Secret): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url');
    const [key, iv] = [keyFor(formerId, secret), bytes.subarray(0, IV_BYTES)];
    try {
        const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
        decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
        return `${decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES))}${decipher.final()}`;
    } catch {
        return undefined;
    }
}

function keyFor(formerId: string, secret: Secret): Buffer {
    return createHmac('sha256', secret).update(`successor of ${formerId}`).digest();
}
