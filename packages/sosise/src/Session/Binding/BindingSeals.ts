import { createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../Config/secrets.js';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** A time in ms in base 36, a nonce, and the signature of both. */
const SEALED = /^([0-9a-z]{1,9})\.([\w-]{16})\.([\w-]{43})$/;

/** What a sealed text is for: none is taken for another. */
export type SealUse = 'registration' | 'refresh' | 'cookie';

/**
 * Texts with a time that only this application can make: challenges, and the values of bound cookies. They are stored nowhere.
 * The first of the session secrets signs, all of them verify.
 */
export class BindingSeals {
    private readonly keys: readonly KeyObject[];

    public constructor(secrets: readonly Secret[]) {
        this.keys = secrets.map((secret) =>
            createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'sosise device binding', KEY_BYTES))),
        );
    }

    /** @param time In ms since the epoch. @param subject What it holds for, and for nothing else. */
    public seal(use: SealUse, time: number, subject: string): string {
        const begin = `${time.toString(36)}.${randomBytes(NONCE_BYTES).toString('base64url')}`;
        return `${begin}.${this.mark(this.keys[0] as KeyObject, use, begin, subject)}`;
    }

    /** The time that was sealed; undefined where the text is not of this application, or for something else. */
    public open(use: SealUse, text: string, subject: string): number | undefined {
        const [, time = '', nonce = '', given = ''] = SEALED.exec(text) ?? [];
        const bytes = Buffer.from(given);
        const isOurs =
            given !== '' &&
            this.keys.some((key) =>
                timingSafeEqual(Buffer.from(this.mark(key, use, `${time}.${nonce}`, subject)), bytes),
            );
        return isOurs ? Number.parseInt(time, 36) : undefined;
    }

    private mark(key: KeyObject, use: SealUse, begin: string, subject: string): string {
        return createHmac('sha256', key)
            .update(JSON.stringify([use, begin, subject]))
            .digest('base64url');
    }
}
