import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SessionDriver } from '../Session/Drivers/SessionDriver.js';
import type { SessionManager } from '../Session/Opening/SessionManager.js';
import { openDatabase, TABLE } from '../Session/Stores/Database/openDatabase.js';
import { createTable, dropTable } from '../Session/Stores/Database/sessionTable.js';
import { SessionFileNames } from '../Session/Stores/File/SessionFileNames.js';
import { prepareFolder } from '../Session/Stores/File/sessionFolder.js';
import { openConnection } from '../Session/Stores/Redis/Connection/openConnection.js';
import type { RedisStoreOptions } from '../Session/Stores/Redis/Connection/RedisStoreOptions.js';
import { requireRedisPackages } from '../Session/Stores/Redis/Connection/redisPackages.js';
import { removeKeys } from '../Session/Stores/Redis/removeKeys.js';
import { rm } from '../Support/Files/fileCalls.js';
import { ScratchDriver } from './ScratchDriver.js';
import type { StoreFactory } from './StoreBench.js';

/** A killed test leaves nothing behind for longer, in ms: all other keys have shorter lives. */
const KEEP_DAMAGED_MS = 60_000;

/** A place of its own in a driver's storage, in which live sessions are not touched. */
export interface Scratch {
    /** Where it is, for a person: `in a folder of its own inside storage/sessions`. */
    readonly where: string;
    /** Gives a store, empty as far as it can see, for one promise. */
    readonly open: StoreFactory;
    /** Ends what is open, and removes all that is left. */
    close(): Promise<void>;
}

interface ScratchOptions {
    readonly manager: SessionManager;
    /** The driver's name, and its options as they are configured. */
    readonly name: string;
    readonly options: Readonly<Record<string, unknown>>;
}

/** A scratch in the storage of any driver. Throws ConfigError where its storage can't be used. */
export async function openScratch(where: ScratchOptions): Promise<Scratch> {
    switch (where.manager.isBuiltIn(where.name) ? where.name : 'other') {
        case 'file':
            return fileScratch(where);
        case 'redis':
            return redisScratch(where);
        case 'database':
            return databaseScratch(where);
        case 'memory':
            return memoryScratch(where);
        default:
            return sharedScratch(where);
    }
}

function memoryScratch({ manager, name, options }: ScratchOptions): Scratch {
    return {
        where: 'in the memory of this process, so it says nothing of the sessions in a server that runs',
        open: async () => ({ store: await manager.create(name, { ...options }) }),
        close: async () => undefined,
    };
}

/** A folder inside the sessions folder: the same disk and the same rights. */
async function fileScratch({ manager, name, options }: ScratchOptions): Promise<Scratch> {
    const folder = String(options['path']);
    const names = new SessionFileNames(String(options['fileExtension'] ?? '.json'));
    prepareFolder(folder, names);
    // Where this process is killed, the next pruning removes it.
    const scratch = join(folder, names.scratch());
    mkdirSync(scratch, { mode: 0o700 });
    let opened = 0;
    return {
        where: `in a folder of its own inside ${folder}: live sessions are not touched`,
        open: async () => {
            opened += 1;
            const path = join(scratch, String(opened));
            const reopen = () => manager.create(name, { ...options, path });
            return { store: await reopen(), reopen };
        },
        close: () => rm(scratch, { recursive: true, force: true, maxRetries: 3 }),
    };
}

/** Keys with a beginning of their own, below that of the sessions: where keys are limited, these are allowed too. */
async function redisScratch({ manager, name, options }: ScratchOptions): Promise<Scratch> {
    const given = options as RedisStoreOptions;
    // The tilde keeps walks of the application away: no session's key has it there.
    const prefix = `${given.prefix ?? 'sess:'}~contract:${randomBytes(9).toString('hex')}:`;
    await requireRedisPackages();
    const connection = await openConnection(given);
    let opened = 0;
    return {
        where: `under keys of its own (${prefix}…): live sessions are not touched`,
        open: async () => {
            opened += 1;
            const own = { ...options, prefix: `${prefix}${opened}:`, keepDamagedMs: KEEP_DAMAGED_MS };
            const reopen = () => manager.create(name, own);
            return { store: await reopen(), reopen };
        },
        close: async () => {
            try {
                await removeKeys(connection, prefix);
            } finally {
                await connection.close();
            }
        },
    };
}

/** Tables of their own beside that of the sessions; where the user may make none, that one, under keys of its own. */
async function databaseScratch(where: ScratchOptions): Promise<Scratch> {
    const { manager, name, options } = where;
    const prefix = `${options['table'] ?? TABLE}_contract_${randomBytes(6).toString('hex')}`;
    const database = await openDatabase(manager.optionsWith(name, options));
    const tables: string[] = [];
    const open = async () => {
        const table = `${prefix}_${tables.length + 1}`;
        await createTable(database, table);
        tables.push(table);
        const reopen = () => manager.create(name, { ...options, table, createTable: false, formerTable: false });
        return { store: await reopen(), reopen };
    };
    const close = async () => {
        try {
            for (const table of tables) {
                await dropTable(database, table);
            }
        } finally {
            await database.close();
        }
    };
    try {
        const { store } = await open();
        await store.close();
    } catch {
        await close();
        return sharedScratch(where); // says what is wrong, where it is more than that
    }
    return { where: `in tables of its own (${prefix}_…): live sessions are not touched`, open, close };
}

/** A driver whose storage nobody here knows: its sessions are beside the live ones, under ids of their own. */
async function sharedScratch({ manager, name, options }: ScratchOptions): Promise<Scratch> {
    const handles: Promise<SessionDriver>[] = [];
    const handle = (index: number) => {
        handles[index] ??= manager.create(name, { ...options });
        return handles[index];
    };
    // What lives in a process can't be opened twice.
    const opensTwice = (await handle(0))?.abilities?.survivesRestart !== false;
    return {
        where: 'beside the live sessions, under random keys of its own: no other key is written, removed or quarantined',
        open: async () => {
            const ids = { prefix: `contract-${randomBytes(9).toString('hex')}-`, written: new Set<string>() };
            return {
                store: new ScratchDriver(await handle(0), ids),
                ...(opensTwice && { reopen: async () => new ScratchDriver(await handle(1), ids) }),
            };
        },
        close: async () => {
            for (const opened of handles) {
                await (await opened).close();
            }
        },
    };
}
