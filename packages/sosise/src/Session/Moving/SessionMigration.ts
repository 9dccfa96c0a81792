import { ConfigError } from '../../Exceptions/errors.js';
import type { SessionConfig } from '../Config/SessionConfig.js';
import { isUserKey, KEY_CHECK, type RecordKey } from '../Record/storageKeys.js';
import type { FallbackDriver, MovingDriver } from './FallbackDriver.js';

/** What became of the records of the old driver so far. */
export interface MigrationCounts {
    /** Sessions that are in the new driver now. */
    moved: number;
    /** Users' lists of their sessions that are there now. */
    lists: number;
    /** Records that the new driver had already, as where a process died while it moved one: removed from the old driver. */
    known: number;
    /** Sessions that have ended or expired: left where they are. */
    over: number;
    /** Records that can't be read: quarantined in the old driver. */
    damaged: number;
}

export interface MigrationOptions {
    /** The driver that sessions come from, and the one that they go to. */
    from: string;
    to: string;
    /** Ends it after the records that are under way; what is left moves another time. */
    signal?: AbortSignal;
    /** Called after each record, with the counts so far, and about how many records there are, where that is known. */
    progress?(counts: Readonly<MigrationCounts>, total: number | undefined): void;
}

/** Records that move at the same time: enough to keep the server busy, few enough to leave room for requests. */
const AT_ONCE = 16;

/** Moves the sessions whose visitors have not come yet, while the application serves. It may be stopped and run again. */
export class SessionMigration {
    public constructor(
        private readonly config: SessionConfig,
        private readonly driver: () => FallbackDriver | undefined,
    ) {}

    /** Walks through all records of the old driver. Throws ConfigError where the config does not say that they move. */
    public async run({ from, to, signal, progress }: MigrationOptions): Promise<MigrationCounts> {
        const old = this.oldDriver(from, to);
        const counts: MigrationCounts = { moved: 0, lists: 0, known: 0, over: 0, damaged: 0 };
        const total = progress && (await old.driver.count?.());
        const records = old.driver.records(undefined, signal)[Symbol.asyncIterator]();
        let failure: unknown;
        const work = async () => {
            while (!signal?.aborted && failure === undefined) {
                const next = await records.next(); // records wait in line here: no more are in memory than are under way
                if (next.done) {
                    return;
                }
                await moveOne(old, next.value.key, counts);
                progress?.(counts, total);
            }
        };
        await Promise.all(
            Array.from({ length: AT_ONCE }, () =>
                work().catch((error) => {
                    failure ??= error;
                }),
            ),
        );
        await records.return?.();
        if (failure !== undefined) {
            throw failure;
        }
        return counts;
    }

    private oldDriver(from: string, to: string): MovingDriver {
        const { driver, fallback } = this.config;
        const old = driver === to ? this.driver()?.oldDriver(from) : undefined;
        if (old) {
            if (old.driver.abilities?.lists === false) {
                throw new ConfigError(
                    `Session driver [${from}] can't list its sessions: they move by themselves when their visitors come.`,
                );
            }
            return old;
        }
        const is = `driver is '${driver}' and fallback is [${fallback.map((name) => `'${name}'`).join(', ')}]`;
        throw new ConfigError(
            `Sessions can't move from ${from} to ${to}: ${is} in src/config/session.ts. Set driver: '${to}' and fallback: ['${from}'] there, and restart the application first: what moves under one that does not know both is lost to its visitors.`,
        );
    }
}

async function moveOne({ mover }: MovingDriver, key: RecordKey, counts: MigrationCounts): Promise<void> {
    if (key === KEY_CHECK) {
        return; // each driver has its own
    }
    const { kind } = await mover.move(key);
    if (kind === 'moved') {
        counts[isUserKey(key) ? 'lists' : 'moved'] += 1;
    } else if (kind === 'taken') {
        counts.known += (await mover.purge(key)) ? 1 : 0;
    } else if (kind !== 'none') {
        counts[kind] += 1;
    }
}
