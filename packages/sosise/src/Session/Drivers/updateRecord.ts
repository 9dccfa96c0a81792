import type { MaybePromise } from '../../Support/MaybePromise.js';
import { DamagedRecordError } from '../Record/DamagedRecordError.js';
import type { RecordKey } from '../Record/storageKeys.js';
import type { SessionDriver, StoredRecord } from './SessionDriver.js';

/** A record to write, with the time (ms since the epoch) from which the driver may drop it. */
export interface NextRecord {
    readonly record: string;
    readonly expiresAt: number;
}

/** In place of a record to write: the one that is stored is to be removed. */
export const REMOVED = Symbol('removed');

/** What becomes of the record that is stored now. Undefined: it stays as it is. May throw DamagedRecordError. */
export type Next = (stored: StoredRecord | undefined) => MaybePromise<NextRecord | typeof REMOVED | undefined>;

export interface UpdateOptions {
    /** How many tries others may overtake. */
    readonly tries: number;
    /** What the error says when all of them were. */
    readonly overtaken: string;
    /** The record, where it was read before: the first try does not read it again. */
    readonly known?: StoredRecord | undefined;
    /** Deals with a damaged record, such as by quarantine; then it is read again. Left out: the error is thrown. */
    damaged?(error: DamagedRecordError): MaybePromise<unknown>;
}

type Outcome = { readonly isDone: false } | { readonly isDone: true; readonly stored: StoredRecord | undefined };
const OVERTAKEN: Outcome = { isDone: false };

/**
 * Optimistic concurrency for one record: reads it, asks what becomes of it, and writes or removes it by compare-and-swap;
 * the same again where somebody else has written meanwhile. Gives what was written; undefined where nothing was.
 */
export async function updateRecord(
    driver: Pick<SessionDriver, 'read' | 'write' | 'remove'>,
    key: RecordKey,
    next: Next,
    { tries, overtaken, known, damaged }: UpdateOptions,
): Promise<StoredRecord | undefined> {
    for (let tried = 0; tried < tries; tried += 1) {
        try {
            const stored = tried === 0 && known ? known : await driver.read(key);
            const outcome = await compareAndSwap(driver, key, stored, await next(stored));
            if (outcome.isDone) {
                return outcome.stored;
            }
        } catch (error) {
            if (!damaged || !(error instanceof DamagedRecordError)) {
                throw error;
            }
            await damaged(error);
        }
    }
    throw new Error(overtaken);
}

async function compareAndSwap(
    driver: Pick<SessionDriver, 'write' | 'remove'>,
    key: RecordKey,
    stored: StoredRecord | undefined,
    next: Awaited<ReturnType<Next>>,
): Promise<Outcome> {
    if (next === undefined) {
        return { isDone: true, stored: undefined };
    }
    if (next === REMOVED) {
        const isGone = stored === undefined || (await driver.remove(key, stored.version));
        return isGone ? { isDone: true, stored: undefined } : OVERTAKEN;
    }
    const version = await driver.write(key, next.record, stored?.version, next.expiresAt);
    return version === undefined ? OVERTAKEN : { isDone: true, stored: { record: next.record, version } };
}
