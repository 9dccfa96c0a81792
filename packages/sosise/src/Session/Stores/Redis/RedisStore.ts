import { createHash } from 'node:crypto';
import { RedisStore as StockRedisStore } from 'connect-redis';
import type { Lease } from '../../../Support/Lease.js';
import type { DriverAbilities } from '../../Drivers/DriverAbilities.js';
import type { ListedRecord, SessionDriver, StoredRecord } from '../../Drivers/SessionDriver.js';
import { DamagedRecordError } from '../../Record/DamagedRecordError.js';
import { COMMAND_TIMEOUT_MS, notOpened, openConnection } from './Connection/openConnection.js';
import type { RedisConnection } from './Connection/RedisConnection.js';
import type { RedisStoreOptions } from './Connection/RedisStoreOptions.js';
import { RedisTrouble } from './Connection/RedisTrouble.js';
import { keysLike } from './keysIn.js';
import { RedisLocks } from './RedisLocks.js';
import { REMOVE, REMOVE_LARGE, type Script, WRITE, WRITE_LARGE } from './scripts.js';
import { stockClient } from './stockClient.js';
import { isOwn, withLastAccess, writtenAt } from './storedForm.js';

const KEEP_DAMAGED_MS = 7 * 86_400_000;
/** connect-redis' own. */
const TTL_SECONDS = 86_400;
/** Versions up to this length (in characters) are compared as they are, longer ones by their hash. */
const LARGE = 4_096;
/** Keys that Redis looks at in one step of counting: about a millisecond of its time. */
const COUNTED_AT_ONCE = 1_000;
/** What stands where a byte was that is no text. */
const NO_TEXT = '\uFFFD';
/** Names of keys that hold no session. Ids never begin like this. */
const OTHER = '~';
const CHECK = `${OTHER}check`;

/**
 * Sessions in Redis, or Valkey: connect-redis' class, with what the session layer asks for beside it. All promises hold
 * between all processes on one server. It is both a driver of the session layer and an express-session store.
 */
export class RedisStore extends StockRedisStore implements SessionDriver {
    public readonly abilities: DriverAbilities;
    private readonly locks = new RedisLocks({
        ask: (key, args) => this.connection.ask(key, args),
        run: (script, key, args) => this.run(script, key, args),
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
            setsAside: true,
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

    // What the session layer asks for.

    public read(id: string): Promise<StoredRecord | undefined> {
        const key = this.keyOf(id);
        return this.connection.askAgain(key, ['GET', key]).then(
            (text) => (text === null ? undefined : this.toStored(key, text as string)),
            (error) => {
                throw (error as RedisTrouble).code === 'WRONGTYPE' ? new DamagedRecordError('it is no text') : error;
            },
        );
    }

    public async write(id: string, record: string, ifVersion: unknown, expiresAt: number): Promise<unknown> {
        const key = this.keyOf(id);
        const text = this.isPlain ? record : this.serializer.stringify(JSON.parse(record));
        const ttl = String(Math.max(1, Math.ceil(expiresAt - Date.now())));
        if (ifVersion === undefined) {
            const reply = await this.connection.ask(key, ['SET', key, text, 'NX', 'PX', ttl]);
            return reply === null ? undefined : text;
        }
        const version = ifVersion as string;
        const reply =
            version.length > LARGE
                ? await this.run(WRITE_LARGE, key, [sha1(version), text, ttl])
                : await this.run(WRITE, key, [version, text, ttl]);
        return reply === 1 ? text : undefined;
    }

    public async remove(id: string, ifVersion: unknown): Promise<boolean> {
        if (ifVersion === undefined) {
            return false;
        }
        const key = this.keyOf(id);
        const version = ifVersion as string;
        const isLarge = version.length > LARGE;
        return (await this.run(isLarge ? REMOVE_LARGE : REMOVE, key, [isLarge ? sha1(version) : version])) === 1;
    }

    public async *records(writtenBefore = Number.POSITIVE_INFINITY): AsyncGenerator<ListedRecord> {
        const match = keysLike(this.prefix);
        for await (const keys of this.calls.scanIterator({ MATCH: match, COUNT: this.scanCount })) {
            const texts = (await this.calls.mGet(keys)) as (string | null)[];
            for (const [index, text] of texts.entries()) {
                const key = keys[index] as string;
                const stored = text !== null && writtenAt(text) < writtenBefore && (await this.listed(key, text));
                if (stored) {
                    yield { id: key.slice(this.prefix.length), ...stored };
                }
            }
        }
    }

    public lock(id: string, waitMs: number): Promise<Lease | undefined> {
        return this.locks.lock(this.keyOf(`${OTHER}lock:${id}`), waitMs);
    }

    /** It is kept under another key until `keepDamagedMs` are over. */
    public async setAside(id: string): Promise<boolean> {
        const key = this.keyOf(id);
        // The braces keep both keys on one server of a cluster.
        const aside = this.keyOf(`${OTHER}aside:${Date.now()}:{${key}}`);
        try {
            await this.connection.ask(key, ['RENAME', key, aside]);
        } catch (error) {
            if (error instanceof RedisTrouble && error.message.includes('no such key')) {
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
        const key = this.keyOf(`${OTHER}walk`);
        const isFirst = await this.connection.ask(key, ['SET', key, '1', 'NX', 'PX', String(Math.max(1, everyMs))]);
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

    /** Writes, too: a server that is full, or a replica, is not ready for sessions. */
    public async check(): Promise<void> {
        const key = this.keyOf(CHECK);
        await this.connection.ask(key, ['SET', key, '1', 'PX', '10000']);
    }

    public close(): Promise<void> {
        return this.connection.close();
    }

    /** A user who may not run scripts, or touch these keys, would be met with the first change. Other trouble passes. */
    private async refuseForbidden(): Promise<void> {
        try {
            await this.check();
            await this.run(REMOVE, this.keyOf(CHECK), ['1']);
        } catch (error) {
            if ((error as RedisTrouble).code === 'NOPERM') {
                await this.close();
                throw notOpened(error, this.options);
            }
        }
    }

    private keyOf(id: string): string {
        return this.prefix + id;
    }

    private run(script: Script, key: string, args: readonly string[]): Promise<unknown> {
        return this.connection.ask(key, ['EVALSHA', script.sha, '1', key, ...args]).catch((error) => {
            if ((error as RedisTrouble).code !== 'NOSCRIPT') {
                throw error;
            }
            return this.connection.ask(key, ['EVAL', script.text, '1', key, ...args]);
        });
    }

    private toStored(key: string, text: string): StoredRecord | Promise<StoredRecord> {
        return this.isPlain && isOwn(text) && !text.includes(NO_TEXT)
            ? { record: text, version: text }
            : this.toForeign(key, text);
    }

    /** What another package wrote, or in another form. */
    private async toForeign(key: string, text: string): Promise<StoredRecord> {
        if (
            text.includes(NO_TEXT) &&
            (await this.connection.askAgain(key, ['STRLEN', key])) !== Buffer.byteLength(text)
        ) {
            throw new DamagedRecordError('it is no text');
        }
        const record = this.isPlain ? text : await this.parsed(text);
        if (isOwn(record) || !record.startsWith('{')) {
            return { record, version: text };
        }
        const leftMs = Number(await this.connection.askAgain(key, ['PTTL', key]));
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

    private async listed(key: string, text: string): Promise<StoredRecord | undefined> {
        try {
            return await this.toStored(key, text);
        } catch (error) {
            if (error instanceof DamagedRecordError) {
                return undefined; // whoever reads it alone hears of it
            }
            throw error;
        }
    }
}

function sha1(text: string): string {
    return createHash('sha1').update(text).digest('hex');
}
