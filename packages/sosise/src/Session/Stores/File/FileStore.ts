/// <reference path="../packages.d.ts" preserve="true" />

import { constants } from 'node:fs';
import { resolve } from 'node:path';
import session, { type SessionData } from 'express-session';
import sessionFileStore from 'session-file-store';
import { access, codeOf, lstat } from '../../../Support/Files/fileCalls.js';
import type { Lease } from '../../../Support/Lease.js';
import type { MaybePromise } from '../../../Support/MaybePromise.js';
import type { DriverAbilities, ListedRecord, SessionDriver, StoredRecord } from '../../Drivers/SessionDriver.js';
import { updateRecord } from '../../Drivers/updateRecord.js';
import { DamagedRecordError } from '../../Record/DamagedRecordError.js';
import type { RecordKey } from '../../Record/storageKeys.js';
import { OpenFileCache } from './OpenFileCache.js';
import { PruneSkipList, type PruneWalk } from './PruneSkipList.js';
import { RecordCodec } from './RecordCodec.js';
import { isUnwritten } from './RecordReader.js';
import { SessionFileNames } from './SessionFileNames.js';
import { SessionFiles } from './SessionFiles.js';
import { filesIn, prepareFolder, TEMP_KEPT_MS, tidyFolder } from './sessionFolder.js';

/** session-file-store's options under its own names, and ours. Those of its reaping and retrying have no effect here. */
export interface FileStoreOptions {
    /** The folder, made when missing, for its owner only. */
    path?: string;
    /** Seconds that a session without `cookie.maxAge` lives, where the class is used without the session layer. */
    ttl?: number;
    /** Not used: what is not there is not looked for again. */
    retries?: number;
    factor?: number;
    minTimeout?: number;
    maxTimeout?: number;
    /** Not used: the session layer prunes. */
    reapInterval?: number;
    reapMaxConcurrent?: number;
    reapAsync?: boolean;
    reapSyncFallback?: boolean;
    /** Not used: see `warn`. */
    logFn?: (message: string) => void;
    encoding?: BufferEncoding | null;
    encoder?: (session: object) => string | Buffer;
    decoder?: (encoded: never) => unknown;
    fileExtension?: string;
    /**
     * Opens what was encrypted with it. Only `set` and `touch` still encrypt with it, for those who use the class by itself:
     * the session layer has `encrypt`.
     */
    secret?: string;
    encryptEncoding?: string | null;
    crypto?: object;
    /** Not used, as in the package. */
    keyFunction?: (secret: string, sid: string) => string;
    /** Makes a session where none is stored. Only `get` asks it: the session layer makes its own. */
    fallbackSessionFn?: (sid: string) => SessionData;
    /** A write counts as done when it is on the disk, not only in the system's memory. Default: false. */
    fsync?: boolean;
    /** Where warnings go. They never hold ids or contents. */
    warn?: (message: string) => void;
}

interface StockSession extends SessionData {
    __lastAccess?: number;
}

type Callback<T = void> = (error: unknown, value?: T) => void;

/**
 * Files that a walk asks for at once. More make it cheaper, and requests wait longer for theirs: CPU for a file 39 µs with 3, 25
 * with 12, 18 with 48 (Node.js 24; 34, 25 and 20 on 26).
 */
const LISTED_AT_ONCE = 12;
/** A file of a time to come was written by a clock that was ahead: its time says nothing. */
const CLOCKS_DIFFER_MS = 60_000;
const TOUCH_TRIES = 20;

const StockFileStore = sessionFileStore(session);

/**
 * Sessions in files: session-file-store's class, with its reading and writing replaced by calls that are atomic within
 * and between the processes of one host. It is both a driver of the session layer and an express-session store.
 */
export class FileStore extends StockFileStore implements SessionDriver {
    public readonly abilities: DriverAbilities = {
        atomicBetweenProcesses: true,
        lists: true,
        quarantines: true,
        survivesRestart: true,
    };
    private readonly folder: string;
    private readonly names: SessionFileNames;
    private readonly codec: RecordCodec;
    private readonly cache: OpenFileCache;
    private readonly files: SessionFiles;
    private readonly skipList = new PruneSkipList();
    private readonly warn: (message: string) => void;

    /** Throws ConfigError where the folder can't be made or used. */
    public constructor(options: FileStoreOptions = {}) {
        const { fsync = false, warn = () => undefined, ...given } = options;
        const folder = resolve(given.path ?? './sessions');
        const names = new SessionFileNames(given.fileExtension ?? '.json');
        prepareFolder(folder, names); // before the package's class, which would make it readable for everyone
        // reapInterval -1: the package sets no timer. Keys that are undefined would override its defaults.
        super({ ...withoutUndefined(given), path: folder, reapInterval: -1, logFn: () => undefined });
        this.folder = folder;
        this.names = names;
        this.codec = new RecordCodec(this.options);
        this.cache = new OpenFileCache(folder);
        this.files = new SessionFiles(folder, names, this.cache, this.codec, fsync);
        this.warn = warn;
        if (given.fallbackSessionFn) {
            warn('drivers.file.fallbackSessionFn has no effect: a visitor without a stored session gets a new one.');
        }
        if (this.options.kruptein) {
            warn(
                'drivers.file.secret only opens sessions that were encrypted with it. Set encrypt: true in src/config/session.ts, which encrypts without slowing requests down, and take drivers.file.secret out once those sessions have expired.',
            );
        }
    }

    // The driver.

    public read(key: RecordKey): MaybePromise<StoredRecord | undefined> {
        const path = `${this.folder}/${this.names.fileOf(this.names.nameOf(key))}`;
        return this.cache.look(path) ?? this.files.read(path);
    }

    public write(key: RecordKey, record: string, ifVersion: unknown, _expiresAt?: number): Promise<unknown> {
        return this.files.write(this.names.nameOf(key), this.codec.encode(record), ifVersion);
    }

    public remove(key: RecordKey, ifVersion: unknown): Promise<boolean> {
        return this.files.remove(this.names.nameOf(key), ifVersion);
    }

    public async *records(writtenBefore?: number, signal?: AbortSignal): AsyncGenerator<ListedRecord> {
        const walk = this.skipList.begin();
        const look = (key: RecordKey) =>
            writtenBefore === undefined ? this.listed(key) : this.listedIfDue(key, writtenBefore, walk);
        for await (const keys of this.keys()) {
            if (signal?.aborted) {
                return;
            }
            for (const record of await Promise.all(keys.map(look))) {
                if (record) {
                    yield record;
                }
            }
        }
        if (writtenBefore !== undefined) {
            this.skipList.end(walk);
        }
    }

    public lock(key: RecordKey, waitMs: number): Promise<Lease | undefined> {
        return this.files.lock(this.names.nameOf(key), waitMs);
    }

    public setAside(key: RecordKey): Promise<boolean> {
        return this.files.setAside(this.names.nameOf(key));
    }

    public tidy(quarantinedBefore: number): Promise<void> {
        return tidyFolder(this.folder, this.names, quarantinedBefore);
    }

    public async count(): Promise<number> {
        let count = 0;
        for await (const keys of this.keys()) {
            count += keys.length;
        }
        return count;
    }

    /** The folder can be used, or is made by the next write. */
    public async check(): Promise<void> {
        const { R_OK, W_OK, X_OK } = constants;
        await access(this.folder, R_OK | W_OK | X_OK).catch((error) => {
            if (codeOf(error) !== 'ENOENT') {
                throw error;
            }
        });
    }

    public close(): void {
        this.files.close();
    }

    // The express-session store, for those who use the class by itself.

    public override get(sid: string, callback: Callback<SessionData | null | undefined>): void {
        answer<SessionData | null | undefined>(this.sessionOf(sid, true), callback);
    }

    public override set(sid: string, data: SessionData, callback?: Callback): void {
        answer(this.putSession(sid, data), callback);
    }

    public override touch(sid: string, data: SessionData, callback?: Callback): void {
        answer(this.putCookie(sid, data), callback);
    }

    public override destroy(sid: string, callback?: Callback): void {
        answer(this.files.discard(this.names.nameOf(sid)), callback);
    }

    public override list(callback: Callback<string[]>): void {
        answer(this.fileNames(), callback);
    }

    public override length(callback: Callback<number>): void {
        answer(this.count(), callback);
    }

    public override clear(callback?: Callback): void {
        answer(this.discardAll(), callback);
    }

    public override expired(sid: string, callback: Callback<boolean>): void {
        const isExpired = this.sessionOf(sid, false).then((found) => found === undefined);
        answer(isExpired, callback);
    }

    public override all(callback: Callback<{ [sid: string]: SessionData } | null>): void {
        answer<{ [sid: string]: SessionData } | null>(this.allSessions(), callback);
    }

    /** The keys of all files, a few at a time. */
    private async *keys(): AsyncGenerator<string[]> {
        let batch: string[] = [];
        for await (const file of filesIn(this.folder)) {
            const key = this.names.keyOf(file);
            if (key !== undefined && batch.push(key) === LISTED_AT_ONCE) {
                yield batch;
                batch = [];
            }
        }
        yield batch;
    }

    /** The times of most files say that there is nothing to prune: they are not read. */
    private async listedIfDue(
        key: RecordKey,
        writtenBefore: number,
        walk: PruneWalk,
    ): Promise<ListedRecord | undefined> {
        const stats = await lstat(`${this.folder}/${this.names.fileOf(key)}`).catch(() => undefined);
        if (stats && isUnwritten(stats) && stats.mtimeMs < walk.started - TEMP_KEPT_MS) {
            await this.files.removeUnwritten(this.names.nameOf(key)).catch(() => undefined); // or another time
            return undefined;
        }
        const isFresh = stats && stats.mtimeMs >= writtenBefore && stats.mtimeMs <= walk.started + CLOCKS_DIFFER_MS;
        if (!stats || isFresh || this.skipList.isSkipped(stats, walk)) {
            return undefined;
        }
        const listed = await this.listed(key);
        return listed && { ...listed, rest: (until) => this.skipList.rest(stats, walk, until) };
    }

    /** A file that can't be read is left out here: a read of this record alone reports it. */
    private async listed(key: RecordKey): Promise<ListedRecord | undefined> {
        try {
            const stored = await this.files.readOnce(key);
            return stored && { key, ...stored };
        } catch {
            return undefined;
        }
    }

    private async sessionOf(sid: string, usesFallback: boolean): Promise<SessionData | undefined> {
        try {
            const stored = await this.read(sid);
            if (!stored) {
                return usesFallback ? this.options.fallbackSessionFn?.(sid) : undefined;
            }
            const found = parseSession(stored.record);
            return this.isExpired(found) ? undefined : withoutLastAccess(found);
        } catch (error) {
            if (!(error instanceof DamagedRecordError)) {
                throw error;
            }
            await this.setAside(sid);
            this.warn(`A stored session is damaged and was quarantined: ${error.message}.`);
            return undefined;
        }
    }

    /** The package's rule: a session lives for its `originalMaxAge`, else `ttl`, from its last access. */
    private isExpired({ cookie, __lastAccess = 0 }: StockSession): boolean {
        const lifetime = cookie.originalMaxAge || this.options.ttl * 1000;
        return !lifetime || __lastAccess + lifetime < Date.now();
    }

    private async putSession(sid: string, data: object): Promise<void> {
        const record = JSON.stringify({ ...data, __lastAccess: Date.now() });
        await this.files.put(this.names.nameOf(sid), this.codec.encrypt(record));
    }

    private async putCookie(sid: string, { cookie }: SessionData): Promise<void> {
        const files: Pick<SessionDriver, 'read' | 'write' | 'remove'> = {
            read: (key) => this.read(key),
            write: (key, record, ifVersion) =>
                this.files.write(this.names.nameOf(key), this.codec.encrypt(record), ifVersion),
            remove: (key, ifVersion) => this.remove(key, ifVersion),
        };
        const touched = (stored: StoredRecord | undefined) =>
            stored && {
                record: JSON.stringify({
                    ...parseSession(stored.record),
                    ...(cookie && { cookie }),
                    __lastAccess: Date.now(),
                }),
                expiresAt: Number.POSITIVE_INFINITY,
            }; // one that ended meanwhile must not come back
        const overtaken = 'Other requests kept writing a session that was to be touched.';
        await updateRecord(files, sid, touched, { tries: TOUCH_TRIES, overtaken });
    }

    private async fileNames(): Promise<string[]> {
        const names: string[] = [];
        for await (const keys of this.keys()) {
            names.push(...keys.map((key) => this.names.fileOf(key)));
        }
        return names;
    }

    private async discardAll(): Promise<void> {
        for await (const keys of this.keys()) {
            await Promise.all(keys.map((key) => this.files.discard(key)));
        }
    }

    private async allSessions(): Promise<{ [sid: string]: SessionData }> {
        const sessions: [string, SessionData][] = [];
        for await (const { key, record } of this.records()) {
            const found = parseOrNothing(record);
            if (found && !this.isExpired(found)) {
                sessions.push([key, withoutLastAccess(found)]);
            }
        }
        return Object.fromEntries(sessions);
    }
}

function parseSession(record: string): StockSession {
    const found = parseOrNothing(record);
    if (!found) {
        throw new DamagedRecordError('it is not a session');
    }
    return found;
}

function parseOrNothing(record: string): StockSession | undefined {
    try {
        const parsed = JSON.parse(record) as StockSession | null;
        return typeof parsed?.cookie === 'object' && parsed.cookie !== null ? parsed : undefined;
    } catch {
        return undefined;
    }
}

function withoutLastAccess({ __lastAccess, ...data }: StockSession): SessionData {
    return data;
}

function withoutUndefined(options: object): object {
    return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** Calls back outside of the promise, so that what a callback throws is not taken for a failed call. */
function answer<T>(result: Promise<T>, callback?: Callback<T>): void {
    result.then(
        (value) => callback && process.nextTick(callback, null, value),
        (error: unknown) => callback && process.nextTick(callback, error),
    );
}
