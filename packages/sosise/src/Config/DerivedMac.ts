import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Secret } from './secrets.js';

const KEY_BYTES = 32;

/** A key for one use, made of a secret. Secrets are random and long, so that HKDF-SHA-256 is enough. */
export function deriveKey(secret: Secret, use: string, bytes = KEY_BYTES): Buffer {
    return Buffer.from(hkdfSync('sha256', secret, '', use, bytes));
}

/** HMAC-SHA-256 by keys that are derived from the session secrets for one use: the first one's signs, all of them verify. */
export class DerivedMac {
    private readonly keys: readonly KeyObject[];

    /** @param secrets At least one. */
    public constructor(secrets: readonly Secret[], use: string) {
        this.keys = secrets.map((secret) => createSecretKey(deriveKey(secret, use)));
    }

    /** 43 characters of base64url. */
    public sign(text: string): string {
        return macOf(this.keys[0] as KeyObject, text);
    }

    /** @param mac 43 characters. */
    public verifies(text: string, mac: string): boolean {
        const given = Buffer.from(mac);
        return this.keys.some((key) => timingSafeEqual(Buffer.from(macOf(key, text)), given));
    }
}

function macOf(key: KeyObject, text: string): string {
    return createHmac('sha256', key).update(text).digest('base64url');
}
