import type { MaybePromise } from '../../Support/MaybePromise.js';
import type { SessionDriver, StoredRecord } from '../Drivers/SessionDriver.js';
import { type NextRecord, updateRecord } from '../Drivers/updateRecord.js';
import { DamagedRecordError } from '../Record/DamagedRecordError.js';
import { KEY_CHECK } from '../Record/storageKeys.js';
import { encryptedRecord, encryptedTextIn } from './encryptedRecord.js';
import type { SessionKeys } from './SessionKeys.js';

const DAY_MS = 86_400_000;
/**
 * Sessions that were stored in the clear are accepted for so long after encryption began, or turning it on would log their
 * visitors out. Not for ever: somebody who can write to the store could forge one.
 */
const CLEAR_TAKEN_MS = 30 * DAY_MS;
/** Longer than any process runs: stores with a time to live must not drop it. */
const KEPT_MS = 3_650 * DAY_MS;
/** Only processes that start at the same moment can overtake. */
const TRIES = 20;

interface State {
    readonly encrypts: boolean;
    /** Since when it is so, in ms since the epoch. */
    readonly since: number;
}

/** `foreign`: encrypted with a key that is not known here. */
type Found =
    | { readonly kind: 'none' | 'damaged' | 'foreign' }
    | { readonly kind: 'known'; readonly state: State; readonly isNewest: boolean };

/** The sessions in the store were encrypted with a secret that is not among those given. */
export class ForeignKeyError extends Error {
    public override readonly name = 'ForeignKeyError';
}

/**
 * A record of its own in the store, encrypted too. If it decrypts at a start, the secrets are those that encrypted
 * the sessions. It also says since when sessions are encrypted.
 */
export class KeyCheck {
    /** Until when sessions that are stored in the clear may be taken, in ms since the epoch. */
    public clearUntil: number;

    private constructor(
        private readonly driver: SessionDriver,
        private readonly keys: SessionKeys,
        /** Whether this process encrypts. */
        public readonly encrypts: boolean,
        private state: State,
    ) {
        this.clearUntil = clearUntil(encrypts, state);
    }

    /**
     * Reads the key check, and writes it where it is missing or no longer true. Throws ForeignKeyError where the sessions
     * were encrypted with a secret that is not known here.
     */
    public static async open(
        driver: SessionDriver,
        keys: SessionKeys,
        encrypts: boolean,
        warn: (message: string) => void,
    ): Promise<KeyCheck> {
        let state: State = { encrypts, since: Date.now() };
        await updateRecord(
            driver,
            KEY_CHECK,
            (stored) => {
                const found = foundIn(stored, keys);
                if (found.kind === 'foreign') {
                    throw new ForeignKeyError();
                }
                if (found.kind === 'damaged') {
                    throw new DamagedRecordError('it does not decrypt');
                }
                const known = found.kind === 'known' ? found : undefined;
                state = known?.state.encrypts === encrypts ? known.state : { encrypts, since: Date.now() };
                const isTrue = known ? known.isNewest && known.state === state : !encrypts;
                return isTrue ? undefined : recordOf(state, keys);
            },
            {
                tries: TRIES,
                overtaken: 'Other processes kept writing the key check of encrypted sessions.',
                damaged: async () => {
                    await driver.setAside(KEY_CHECK);
                    warn('The key check of encrypted sessions was damaged: a new one is made.');
                },
            },
        );
        return new KeyCheck(driver, keys, encrypts, state);
    }

    /** What a start would find, without changing it. `foreign`: encrypted with a secret that is not known here. */
    public static async stateIn(driver: SessionDriver, keys: SessionKeys): Promise<Found['kind']> {
        return (await look(driver, keys)).kind;
    }

    /** Without asking the store: nothing is encrypted from now on. */
    public static off(driver: SessionDriver, keys: SessionKeys): KeyCheck {
        return new KeyCheck(driver, keys, false, { encrypts: false, since: Date.now() });
    }

    /** Whether another process has a newer secret, which is not known here. */
    public async isOutdated(): Promise<boolean> {
        return (await look(this.driver, this.keys)).kind === 'foreign';
    }

    /** Whether a session that is stored in the clear may be taken. */
    public takesClear(): MaybePromise<boolean> {
        return Date.now() < this.clearUntil || this.checkAgain();
    }

    /**
     * A process that started later may have turned encryption off: what it stores is taken until this one ends. Only what
     * is younger counts: an older key check could have been put back.
     */
    private async checkAgain(): Promise<boolean> {
        const found = await look(this.driver, this.keys);
        if (found.kind === 'known' && found.state.since > this.state.since) {
            this.state = found.state;
            this.clearUntil = clearUntil(this.encrypts, found.state);
        }
        return Date.now() < this.clearUntil;
    }
}

function clearUntil(encrypts: boolean, state: State): number {
    return encrypts && state.encrypts ? state.since + CLEAR_TAKEN_MS : Number.POSITIVE_INFINITY;
}

async function look(driver: SessionDriver, keys: SessionKeys): Promise<Found> {
    try {
        return foundIn(await driver.read(KEY_CHECK), keys);
    } catch (error) {
        if (error instanceof DamagedRecordError) {
            return { kind: 'damaged' };
        }
        throw error;
    }
}

function foundIn(stored: StoredRecord | undefined, keys: SessionKeys): Found {
    if (!stored) {
        return { kind: 'none' };
    }
    const encrypted = encryptedTextIn(stored.record);
    if (encrypted && !keys.has(encrypted)) {
        return { kind: 'foreign' };
    }
    const text = encrypted && keys.decrypt(KEY_CHECK, encrypted);
    return !encrypted || text === undefined
        ? { kind: 'damaged' }
        : { kind: 'known', state: JSON.parse(text) as State, isNewest: keys.isNewest(encrypted) };
}

function recordOf(state: State, keys: SessionKeys): NextRecord {
    const expiresAt = Date.now() + KEPT_MS;
    return { record: encryptedRecord(keys.encrypt(KEY_CHECK, JSON.stringify(state)), expiresAt), expiresAt };
}
