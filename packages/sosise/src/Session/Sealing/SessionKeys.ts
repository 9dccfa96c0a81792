import {
    createCipheriv,
    createDecipheriv,
    createHmac,
    createSecretKey,
    type KeyObject,
    randomBytes,
} from 'node:crypto';
import { deriveKey } from '../../Config/DerivedMac.js';
import type { Secret } from '../../Config/secrets.js';
import type { RecordKey } from '../Record/storageKeys.js';

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_BYTES = 6;

/** An encrypted text, and which key opens it. */
export interface EncryptedText {
    /** Base64url of the random vector, the tag and the encrypted text. */
    readonly text: string;
    readonly keyId: string;
}

interface MasterKey {
    /** Names the key in what it encrypted, and tells nothing of it. */
    readonly id: string;
    readonly secret: KeyObject;
}

/**
 * The keys that encrypt stored sessions, made of the session secrets: the first one's encrypts, all of them decrypt. Secrets
 * are random and long, so that HKDF is enough, once per secret: nothing slow is left for a request.
 */
export class SessionKeys {
    private readonly keys: readonly MasterKey[];

    /** @param secrets At least one. */
    public constructor(secrets: readonly Secret[]) {
        this.keys = secrets.map((secret) => ({
            id: deriveKey(secret, 'sosise session encryption 1: key id', KEY_ID_BYTES).toString('base64url'),
            secret: createSecretKey(deriveKey(secret, 'sosise session encryption 1')),
        }));
    }

    /** Whether the key that encrypts now has encrypted a text. */
    public isNewest({ keyId }: EncryptedText): boolean {
        return keyId === this.newest.id;
    }

    /** Whether the key that a text names is known here. */
    public has({ keyId }: EncryptedText): boolean {
        return this.keys.some(({ id }) => id === keyId);
    }

    /** @param recordKey What the text is stored under: under another key it does not decrypt. */
    public encrypt(recordKey: RecordKey, clear: string): EncryptedText {
        const iv = randomBytes(IV_BYTES);
        const cipher = createCipheriv(CIPHER, keyFor(recordKey, this.newest), iv, { authTagLength: TAG_BYTES });
        const encrypted = [cipher.update(clear, 'utf8'), cipher.final()];
        const text = Buffer.concat([iv, cipher.getAuthTag(), ...encrypted]).toString('base64url');
        return { text, keyId: this.newest.id };
    }

    /** Undefined where no key decrypts it, it was changed, or encrypted for another record. */
    public decrypt(recordKey: RecordKey, { text, keyId }: EncryptedText): string | undefined {
        const found = this.keys.find(({ id }) => id === keyId);
        const bytes = Buffer.from(text, 'base64url');
        // Base64 can write the same bytes in several ways: only the one that encrypt() wrote is taken.
        if (!found || bytes.length < IV_BYTES + TAG_BYTES || bytes.toString('base64url') !== text) {
            return undefined;
        }
        const iv = bytes.subarray(0, IV_BYTES);
        const decipher = createDecipheriv(CIPHER, keyFor(recordKey, found), iv, { authTagLength: TAG_BYTES });
        decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
        try {
            const clear = decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8');
            return clear + decipher.final('utf8'); // throws where the tag is not that of the text
        } catch {
            return undefined;
        }
    }

    private get newest(): MasterKey {
        return this.keys[0] as MasterKey;
    }
}

/**
 * Each record has a key of its own. That binds the text to its record, and no key comes near the 2^32 texts that AES-GCM
 * with random vectors allows it: a busy site writes as many sessions in some weeks.
 */
function keyFor(recordKey: RecordKey, { secret }: MasterKey): Buffer {
    return createHmac('sha256', secret).update(recordKey).digest();
}
