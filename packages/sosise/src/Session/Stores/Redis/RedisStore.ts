import { createHash } from 'node:crypto';
import { RedisStore as StockRedisStore } from 'connect-redis';
import type { Lease } from '../../../Support/Lease.js';
import { randomId } from '../../../Support/randomId.js';
import { LeasedLocks } from '../../Drivers/LeasedLocks.js';
import type { DriverAbilities, ListedRecord, SessionDriver, StoredRecord } from '../../Drivers/SessionDriver.js';
import { isOwn, withLastAccess, writtenAt } from '../../Drivers/storedForm.js';
import { DamagedRecordError } from '../../Record/DamagedRecordError.js';
import type { RecordKey } from '../../Record/storageKeys.js';
import { COMMAND_TIMEOUT_MS, notOpened, openConnection } from './Connection/openConnection.js';
import type { RedisConnection } from './Connection/RedisConnection.js';
import { RedisError } from './Connection/RedisError.js';
import type { RedisStoreOptions } from './Connection/RedisStoreOptions.js';
import { keysLike } from './keysIn.js';
import { REMOVE, REMOVE_LARGE, RENEW, type Script, WRITE, WRITE_LARGE } from './scripts.js';
import { stockClient } from './stockClient.js';

const KEEP_DAMAGED_MS = 7 * 86_400_000;
/** connect-redis' own. */
const TTL_SECONDS = 86_400;
/** Versions up to this length (in characters) are compared as they are, longer ones by their hash. */
const LARGE = 4_096;
/** Keys that Redis looks at in one step of counting: about a millisecond of its time. */
const COUNTED_AT_ONCE = 1_000;
/** What Node puts in the place of bytes that are no text. */
const NO_TEXT = '\uFFFD';
/** Keys that hold no session begin with this. Ids never do. */
const OTHER = '~';
const CHECK = `${OTHER}check`;

/**
 * Sessions in Redis, or Valkey: connect-redis' class, with what the session layer asks for beside it. All promises hold
 * between all processes on one server. It is both a driver of the session layer and an express-session store.
 */
export class RedisStore extends StockRedisStore implements SessionDriver {
    public readonly abilities: DriverAbilities;
    private readonly locks = new LeasedLocks<string>({
        newOwner: randomId,
        take: (redisKey, owner, ms) =>
            this.connection
                .ask(redisKey, ['SET', redisKey, owner, 'NX', 'PX', String(ms)])
                .then((reply) => reply !== null),
        renew: (redisKey, owner, ms) => this.run(RENEW, redisKey, [owner, String(ms)]).then((renewed) => renewed === 1),
        release: (redisKey, owner) => this.run(REMOVE, redisKey, [owner]),
    });
    private readonly calls: ReturnType<typeof stockClient>;
    private readonly isPlain: boolean;

    private constructor(
        private readonly connection: RedisConnection,
        private readonly options: RedisStoreOptions,
    ) {
        const hidden = `${options.prefix ?? 'sess:'}${OTHER}`;
        const client = stockClient(connection, { hidden, isCluster: options.rootNodes !== undefined });
        super({ ...options, client } as never);
        this.calls = client;
        this.isPlain = options.serializer === undefined;
        this.abilities = {
            atomicBetweenProcesses: true,
            lists: true,
            quarantines: true,
            survivesRestart: true,
            answersWithinMs: options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS,
        };
    }

    /** Connects. Throws ConfigError where the server does not answer within `connectTimeoutMs`, or refuses. */
    public static async open(options: RedisStoreOptions = {}): Promise<RedisStore> {
        const store = new RedisStore(await openConnection(options), options);
        await store.refuseForbidden();
        return store;
    }

    // The driver.

    public read(key: RecordKey): Promise<StoredRecord | undefined> {
        const redisKey = this.redisKeyOf(key);
        return this.connection.askAgain(redisKey, ['GET', redisKey]).then(
            (text) => (text === null ? undefined : this.toStored(redisKey, text as string)),
            (error) => {
                throw (error as RedisError).code === 'WRONGTYPE' ? new DamagedRecordError('it is no text') : error;
            },
        );
    }

    public async readMany(keys: readonly RecordKey[]): Promise<ReadonlyMap<RecordKey, StoredRecord>> {
        const texts = (await this.calls.mGet(keys.map((key) => this.redisKeyOf(key)))) as (string | null)[];
        const found = new Map<RecordKey, StoredRecord>();
        for (const [index, key] of keys.entries()) {
            const text = texts[index] ?? '';
            if (this.isOwnText(text)) {
                found.set(key, { record: text, version: text });
            }
        }
        return found;
    }

    public async write(key: RecordKey, record: string, ifVersion: unknown, expiresAt: number): Promise<unknown> {
        const redisKey = this.redisKeyOf(key);
        const text = this.isPlain ? record : this.serializer.stringify(JSON.parse(record));
        const ttl = String(Math.max(1, Math.ceil(expiresAt - Date.now())));
        if (ifVersion === undefined) {
            const reply = await this.connection.ask(redisKey, ['SET', redisKey, text, 'NX', 'PX', ttl]);
            return reply === null ? undefined : text;
        }
        const version = ifVersion as string;
        const reply =
            version.length > LARGE
                ? await this.run(WRITE_LARGE, redisKey, [sha1(version), text, ttl])
                : await this.run(WRITE, redisKey, [version, text, ttl]);
        return reply === 1 ? text : undefined;
    }

    public async remove(key: RecordKey, ifVersion: unknown): Promise<boolean> {
        if (ifVersion === undefined) {
            return false;
        }
        const redisKey = this.redisKeyOf(key);
        const version = ifVersion as string;
        const isLarge = version.length > LARGE;
        return (await this.run(isLarge ? REMOVE_LARGE : REMOVE, redisKey, [isLarge ? sha1(version) : version])) === 1;
    }

    public async *records(writtenBefore = Number.POSITIVE_INFINITY): AsyncGenerator<ListedRecord> {
        const match = keysLike(this.prefix);
        for await (const keys of this.calls.scanIterator({ MATCH: match, COUNT: this.scanCount })) {
            const texts = (await this.calls.mGet(keys)) as (string | null)[];
            for (const [index, text] of texts.entries()) {
                const redisKey = keys[index] as string;
                const stored = text !== null && writtenAt(text) < writtenBefore && (await this.listed(redisKey, text));
                if (stored) {
                    yield { key: redisKey.slice(this.prefix.length), ...stored };
                }
            }
        }
    }

    public lock(key: RecordKey, waitMs: number): Promise<Lease | undefined> {
        return this.locks.lock(this.redisKeyOf(`${OTHER}lock:${key}`), waitMs);
    }

    /** It is kept under another name until `keepDamagedMs` are over. */
    public async setAside(key: RecordKey): Promise<boolean> {
        const redisKey = this.redisKeyOf(key);
        // The braces keep both keys on one server of a cluster.
        const aside = this.redisKeyOf(`${OTHER}aside:${Date.now()}:{${redisKey}}`);
        try {
            await this.connection.ask(redisKey, ['RENAME', redisKey, aside]);
        } catch (error) {
            if (error instanceof RedisError && error.message.includes('no such key')) {
                return false;
            }
            throw error;
        }
        const { keepDamagedMs = KEEP_DAMAGED_MS } = this.options;
        await this.connection.ask(aside, ['PEXPIRE', aside, String(Math.max(1, keepDamagedMs))]);
        return true;
    }

    /** Redis does it: everything here has an end of its own. */
    public async tidy(): Promise<void> {}

    /** One process walks for all. */
    public async mayWalk(everyMs: number): Promise<boolean> {
        const redisKey = this.redisKeyOf(`${OTHER}walk`);
        const isFirst = await this.connection.ask(redisKey, [
            'SET',
            redisKey,
            '1',
            'NX',
            'PX',
            String(Math.max(1, everyMs)),
        ]);
        return isFirst !== null;
    }

    public async count(): Promise<number> {
        let count = 0;
        for await (const keys of this.calls.scanIterator({
            MATCH: keysLike(this.prefix),
            COUNT: COUNTED_AT_ONCE,
        })) {
            count += keys.length;
        }
        return count;
    }

    /** Writes, as a server that is full, or a replica, is not ready for sessions. */
    public async check(): Promise<void> {
        const redisKey = this.redisKeyOf(CHECK);
        await this.connection.ask(redisKey, ['SET', redisKey, '1', 'PX', '10000']);
    }

    public close(): Promise<void> {
        return this.connection.close();
    }

    /** Finds out at the start that a user may not run scripts or use these keys, not at the first change. Other errors may pass. */
    private async refuseForbidden(): Promise<void> {
        try {
            await this.check();
            await this.run(REMOVE, this.redisKeyOf(CHECK), ['1']);
        } catch (error) {
            if ((error as RedisError).code === 'NOPERM') {
                await this.close();
                throw notOpened(error, this.options);
            }
        }
    }

    private redisKeyOf(key: RecordKey): string {
        return this.prefix + key;
    }

    private run(script: Script, redisKey: string, args: readonly string[]): Promise<unknown> {
        return this.connection.ask(redisKey, ['EVALSHA', script.sha, '1', redisKey, ...args]).catch((error) => {
            if ((error as RedisError).code !== 'NOSCRIPT') {
                throw error;
            }
            return this.connection.ask(redisKey, ['EVAL', script.text, '1', redisKey, ...args]);
        });
    }

    private isOwnText(text: string): boolean {
        return this.isPlain && isOwn(text) && !text.includes(NO_TEXT);
    }

    private toStored(redisKey: string, text: string): StoredRecord | Promise<StoredRecord> {
        return this.isOwnText(text) ? { record: text, version: text } : this.toForeign(redisKey, text);
    }

    /** What another package wrote, or in another form. */
    private async toForeign(redisKey: string, text: string): Promise<StoredRecord> {
        if (
            text.includes(NO_TEXT) &&
            (await this.connection.askAgain(redisKey, ['STRLEN', redisKey])) !== Buffer.byteLength(text)
        ) {
            throw new DamagedRecordError('it is no text');
        }
        const record = this.isPlain ? text : await this.parsed(text);
        if (isOwn(record) || !record.startsWith('{')) {
            return { record, version: text };
        }
        const leftMs = Number(await this.connection.askAgain(redisKey, ['PTTL', redisKey]));
        const ttl = typeof this.options.ttl === 'number' ? this.options.ttl : TTL_SECONDS;
        return { record: leftMs > 0 ? withLastAccess(record, leftMs, ttl * 1_000) : record, version: text };
    }

    private async parsed(text: string): Promise<string> {
        try {
            return JSON.stringify(await this.serializer.parse(text));
        } catch (cause) {
            throw new DamagedRecordError('the serializer does not understand it', { cause });
        }
    }

    private async listed(redisKey: string, text: string): Promise<StoredRecord | undefined> {
        try {
            return await this.toStored(redisKey, text);
        } catch (error) {
            if (error instanceof DamagedRecordError) {
                return undefined; // damaged: a read of this record alone reports it
            }
            throw error;
        }
    }
}

function sha1(text: string): string {
    return createHash('sha1').update(text).digest('hex');
}
