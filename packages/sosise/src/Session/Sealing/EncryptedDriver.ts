import { andThen } from '../../Support/andThen.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import { DriverDecorator } from '../Drivers/DriverDecorator.js';
import type { ListedRecord, SessionDriver, StoredRecord } from '../Drivers/SessionDriver.js';
import { parsedOrNothing } from '../Drivers/walkRecords.js';
import { DamagedRecordError } from '../Record/DamagedRecordError.js';
import { isEndedRecord } from '../Record/recordText.js';
import { KEY_CHECK, type RecordKey } from '../Record/storageKeys.js';
import { ENCRYPTED, encryptedRecord, encryptedTextIn } from './encryptedRecord.js';
import type { KeyCheck } from './KeyCheck.js';
import type { SessionKeys } from './SessionKeys.js';

/** What a walk gives in place of a record that must not be used: parsing it says that it is damaged. */
const UNUSABLE = encryptedRecord({ text: '', keyId: '' }, 0);

/**
 * Another process, which has a newer secret, encrypted this. It passes, and the record is not damaged: quarantine would take
 * it away from that process.
 */
export class UnknownKeyError extends Error {
    public override readonly name = 'UnknownKeyError';

    public constructor() {
        super(
            'A session was encrypted with a secret that this process does not have: add it to SESSION_PREVIOUS_SECRETS (.env), and restart.',
        );
    }
}

/**
 * Encryption between the session layer and any driver: records are clear above it and encrypted below, versions are the
 * driver's own. Tombstones hold nothing secret and stay clear. With encryption off it still decrypts what was encrypted before.
 */
export class EncryptedDriver extends DriverDecorator {
    public constructor(
        driver: SessionDriver,
        private readonly keys: SessionKeys,
        private readonly keyCheck: Pick<KeyCheck, 'encrypts' | 'clearUntil' | 'takesClear' | 'isOutdated'>,
    ) {
        super(driver);
    }

    public override read(key: RecordKey): MaybePromise<StoredRecord | undefined> {
        const stored = this.driver.read(key);
        return stored instanceof Promise
            ? stored.then((found) => found && this.decrypt(key, found))
            : stored && this.decrypt(key, stored);
    }

    /** What does not decrypt is left out: who reads it alone is told why. */
    public override async readMany(keys: readonly RecordKey[]): Promise<ReadonlyMap<RecordKey, StoredRecord>> {
        const found = new Map(await super.readMany(keys));
        for (const [key, stored] of found) {
            try {
                found.set(key, await this.decrypt(key, stored));
            } catch {
                found.delete(key);
            }
        }
        return found;
    }

    public override write(
        key: RecordKey,
        record: string,
        ifVersion: unknown,
        expiresAt: number,
    ): MaybePromise<unknown> {
        const text =
            this.keyCheck.encrypts && !isEndedRecord(record)
                ? encryptedRecord(this.keys.encrypt(key, record), expiresAt)
                : record;
        return this.driver.write(key, text, ifVersion, expiresAt);
    }

    public override async *records(writtenBefore?: number, signal?: AbortSignal): AsyncGenerator<ListedRecord> {
        for await (const listed of this.driver.records(writtenBefore, signal)) {
            const opened = listed.key === KEY_CHECK ? undefined : await this.decryptListed(listed);
            if (opened) {
                yield opened;
            }
        }
    }

    /** `removed` is not told of what the driver inside removes, as that is encrypted. */
    public override tidy(quarantinedBefore: number, signal?: AbortSignal): Promise<void> {
        return this.driver.tidy(quarantinedBefore, signal);
    }

    private decrypt(key: RecordKey, stored: StoredRecord): MaybePromise<StoredRecord> {
        if (Date.now() < this.keyCheck.clearUntil && !stored.record.includes(ENCRYPTED)) {
            return stored; // as nearly all are where encryption is off
        }
        const encrypted = encryptedTextIn(stored.record);
        if (!encrypted) {
            return this.clear(stored);
        }
        if (!this.keys.has(encrypted)) {
            return this.refuseUnknown();
        }
        const record = this.keys.decrypt(key, encrypted);
        if (record === undefined) {
            throw new DamagedRecordError('it does not decrypt with any of the secrets');
        }
        return { record, version: stored.version };
    }

    /** The key check tells whether the secrets here are those of today. */
    private async refuseUnknown(): Promise<never> {
        throw (await this.keyCheck.isOutdated())
            ? new UnknownKeyError()
            : new DamagedRecordError('it was encrypted with a secret that is not known any more');
    }

    private clear(stored: StoredRecord): MaybePromise<StoredRecord> {
        return andThen(this.keyCheck.takesClear(), (takesClear) => {
            // All of a tombstone is parsed: its beginning alone could be forged.
            if (!takesClear && parsedOrNothing(stored.record)?.kind !== 'ended') {
                throw new DamagedRecordError('it is not encrypted');
            }
            return stored;
        });
    }

    /** Undefined for what another process will understand. */
    private async decryptListed(listed: ListedRecord): Promise<ListedRecord | undefined> {
        const outdated = this.isOutdated(listed.record);
        try {
            return { ...listed, ...(await this.decrypt(listed.key, listed)), outdated };
        } catch (error) {
            if (error instanceof UnknownKeyError) {
                return undefined;
            }
            if (!(error instanceof DamagedRecordError)) {
                throw error;
            }
            return { ...listed, record: UNUSABLE, outdated };
        }
    }

    private isOutdated(record: string): boolean {
        const encrypted = encryptedTextIn(record);
        return this.keyCheck.encrypts
            ? !(encrypted ? this.keys.isNewest(encrypted) : isEndedRecord(record))
            : encrypted !== undefined;
    }
}
