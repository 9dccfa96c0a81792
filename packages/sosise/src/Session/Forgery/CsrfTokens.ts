import { createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../Config/secrets.js';

const NONCE_BYTES = 16;
const KEY_BYTES = 32;
const TOKEN = /^([\w-]{22})\.([\w-]{43})$/;

/**
 * Makes and checks tokens that show a request to come from a page of this application. A token holds for one session id
 * and is stored nowhere. No two are equal, so that compression does not give them away bit by bit (BREACH).
 */
export class CsrfTokens {
    private readonly keys: readonly KeyObject[];

    /** @param secrets The session secrets: the first makes tokens, all check them. */
    public constructor(secrets: readonly Secret[]) {
        this.keys = secrets.map((secret) => {
            const key = hkdfSync('sha256', secret, '', 'sosise csrf tokens', KEY_BYTES);
            return createSecretKey(Buffer.from(key));
        });
    }

    public makeToken(sessionId: string): string {
        const nonce = randomBytes(NONCE_BYTES).toString('base64url');
        return `${nonce}.${mark(this.keys[0] as KeyObject, nonce, sessionId)}`;
    }

    public verifyToken(sessionId: string, token: unknown): boolean {
        const [, nonce, given] = (typeof token === 'string' && TOKEN.exec(token)) || [];
        if (nonce === undefined || given === undefined) {
            return false;
        }
        const bytes = Buffer.from(given);
        return this.keys.some((key) => timingSafeEqual(Buffer.from(mark(key, nonce, sessionId)), bytes));
    }
}

/** The nonce has a fixed length, so that no other nonce and id make the same text. */
function mark(key: KeyObject, nonce: string, sessionId: string): string {
    return createHmac('sha256', key).update(nonce).update(sessionId).digest('base64url');
}
