import { randomBytes } from 'node:crypto';
import { DerivedMac } from '../../Config/DerivedMac.js';
import type { Secret } from '../../Config/secrets.js';

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
    private readonly mac: DerivedMac;

    public constructor(secrets: readonly Secret[]) {
        this.mac = new DerivedMac(secrets, 'sosise device binding');
    }

    /** @param time In ms since the epoch. @param subject What it holds for, and for nothing else. */
    public seal(use: SealUse, time: number, subject: string): string {
        const begin = `${time.toString(36)}.${randomBytes(NONCE_BYTES).toString('base64url')}`;
        return `${begin}.${this.mac.sign(textOf(use, begin, subject))}`;
    }

    /** The time that was sealed; undefined where the text is not of this application, or for something else. */
    public open(use: SealUse, text: string, subject: string): number | undefined {
        const [, time = '', nonce = '', given = ''] = SEALED.exec(text) ?? [];
        const isOurs = given !== '' && this.mac.verifies(textOf(use, `${time}.${nonce}`, subject), given);
        return isOurs ? Number.parseInt(time, 36) : undefined;
    }
}

function textOf(use: SealUse, begin: string, subject: string): string {
    return JSON.stringify([use, begin, subject]);
}
