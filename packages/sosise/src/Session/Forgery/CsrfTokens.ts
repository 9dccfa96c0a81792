import { randomBytes } from 'node:crypto';
import { DerivedMac } from '../../Config/DerivedMac.js';
import type { Secret } from '../../Config/secrets.js';

const NONCE_BYTES = 16;
const TOKEN = /^([\w-]{22})\.([\w-]{43})$/;

/**
 * Makes and checks tokens that show a request to come from a page of this application. A token holds for one session id
 * and is stored nowhere. No two are equal, so that compression does not give them away bit by bit (BREACH).
 */
export class CsrfTokens {
    private readonly mac: DerivedMac;

    /** @param secrets The session secrets: the first makes tokens, all check them. */
    public constructor(secrets: readonly Secret[]) {
        this.mac = new DerivedMac(secrets, 'sosise csrf tokens');
    }

    public makeToken(sessionId: string): string {
        const nonce = randomBytes(NONCE_BYTES).toString('base64url');
        return `${nonce}.${this.mac.sign(nonce + sessionId)}`;
    }

    public verifyToken(sessionId: string, token: unknown): boolean {
        const [, nonce, given] = (typeof token === 'string' && TOKEN.exec(token)) || [];
        // The nonce has a fixed length, so that no other nonce and id make the same text.
        return nonce !== undefined && given !== undefined && this.mac.verifies(nonce + sessionId, given);
    }
}
