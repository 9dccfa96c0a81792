import { parseRecord } from '../Record/parseRecord.js';
import type { ParsedRecord } from '../Record/SessionRecord.js';
import type { ListedRecord, SessionDriver } from './SessionDriver.js';

export interface WalkOptions {
    /** Ends the walk early. */
    readonly signal?: AbortSignal | undefined;
    /** Called for each record that is looked at, of whatever kind. */
    looked?(): void;
}

/** A record met on a walk; `parsed` is undefined where it is damaged: who reads it alone deals with that. */
export interface WalkedRecord extends ListedRecord {
    readonly parsed: ParsedRecord | undefined;
}

/** Walks all records of a driver. Ends at a signal, also where the driver itself does not look at it. */
export async function* walkRecords(
    driver: Pick<SessionDriver, 'records'>,
    { signal, looked }: WalkOptions = {},
): AsyncGenerator<WalkedRecord> {
    for await (const { key, record, version } of driver.records(undefined, signal)) {
        if (signal?.aborted) {
            return;
        }
        looked?.();
        yield { key, record, version, parsed: parsedOrNothing(record) };
    }
}

export function parsedOrNothing(record: string): ParsedRecord | undefined {
    try {
        return parseRecord(record, Date.now());
    } catch {
        return undefined;
    }
}
