import { andThen } from '../../Support/andThen.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import { DriverDecorator } from '../Drivers/DriverDecorator.js';
import type { ListedRecord, SessionDriver, StoredRecord } from '../Drivers/SessionDriver.js';
import { DamagedRecordError } from '../Record/DamagedRecordError.js';
import { isEndedRecord, parseRecord } from '../Record/SessionRecord.js';
import { KEY_CHECK, type RecordKey } from '../Record/storageKeys.js';
import type { KeyCheck } from './KeyCheck.js';
import type { SessionKeys } from './SessionKeys.js';
import { sealedRecord, sealedTextIn } from './sealedRecord.js';

/** What a walk gives in place of a record that must not be used: parsing it says that it is damaged. */
const UNUSABLE = sealedRecord({ sealed: '', keyId: '' }, 0);

/**
 * Another process, which has a newer secret, sealed this: trouble that passes, and no damaged record. It would be moved
 * out of that process's way.
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
 * Encryption between the session layer and any driver: records are clear above it and sealed below, versions are the
 * driver's own. Notes of ended sessions hold nothing secret and stay clear. Where it does not seal (encryption is off), it
 * still opens what was sealed before.
 */
export class SealedDriver extends DriverDecorator {
    public constructor(
        driver: SessionDriver,
        private readonly keys: SessionKeys,
        private readonly keyCheck: Pick<KeyCheck, 'encrypts' | 'takesClear' | 'isOutdated'>,
    ) {
        super(driver);
    }

    public override read(key: RecordKey): MaybePromise<StoredRecord | undefined> {
        return andThen(this.driver.read(key), (stored) => stored && this.open(key, stored));
    }

    public override write(
        key: RecordKey,
        record: string,
        ifVersion: unknown,
        expiresAt: number,
    ): MaybePromise<unknown> {
        const text =
            this.keyCheck.encrypts && !isEndedRecord(record)
                ? sealedRecord(this.keys.seal(key, record), expiresAt)
                : record;
        return this.driver.write(key, text, ifVersion, expiresAt);
    }

    public override async *records(writtenBefore?: number, signal?: AbortSignal): AsyncGenerator<ListedRecord> {
        for await (const listed of this.driver.records(writtenBefore, signal)) {
            const opened = listed.key === KEY_CHECK ? undefined : await this.openListed(listed);
            if (opened) {
                yield opened;
            }
        }
    }

    /** What the driver inside removes is not told: it is sealed. */
    public override tidy(quarantinedBefore: number, signal?: AbortSignal): Promise<void> {
        return this.driver.tidy(quarantinedBefore, signal);
    }

    private open(key: RecordKey, stored: StoredRecord): MaybePromise<StoredRecord> {
        const sealed = sealedTextIn(stored.record);
        if (!sealed) {
            return this.clear(stored);
        }
        if (!this.keys.has(sealed)) {
            return this.refuseUnknown();
        }
        const record = this.keys.open(key, sealed);
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
            if (!takesClear && !isNote(stored.record)) {
                throw new DamagedRecordError('it is not encrypted');
            }
            return stored;
        });
    }

    /** Undefined for what another process will understand. */
    private async openListed(listed: ListedRecord): Promise<ListedRecord | undefined> {
        const outdated = this.isOutdated(listed.record);
        try {
            return { ...listed, ...(await this.open(listed.key, listed)), outdated };
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
        const sealed = sealedTextIn(record);
        return this.keyCheck.encrypts
            ? !(sealed ? this.keys.isNewest(sealed) : isEndedRecord(record))
            : sealed !== undefined;
    }
}

/** Whether a record says that its session ended. Its beginning alone could be there to deceive. */
function isNote(record: string): boolean {
    try {
        return parseRecord(record, Date.now()).kind === 'ended';
    } catch {
        return false;
    }
}
