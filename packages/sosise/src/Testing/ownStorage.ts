import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ConfigOverrides } from '../ConfigOverrides.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import type { SessionConfig } from '../Session/Config/SessionConfig.js';
import { driverOptions } from '../Session/Config/settingsOf.js';
import { openDatabase, TABLE } from '../Session/Stores/Database/openDatabase.js';
import { dropTable } from '../Session/Stores/Database/sessionTable.js';
import { openConnection } from '../Session/Stores/Redis/Connection/openConnection.js';
import { type RedisStoreOptions } from '../Session/Stores/Redis/Connection/RedisStoreOptions.js';
import { removeKeys } from '../Session/Stores/Redis/removeKeys.js';

/** `createApplication` of an application's src/bootstrap/app.ts. */
export type CreateApplication = (overrides?: ConfigOverrides) => Promise<ApplicationKernel>;

export interface OwnStorage {
    readonly overrides: ConfigOverrides;
    /** Deletes what the test has left on a server. */
    remove(): Promise<void>;
}

/** Lays over a test's overrides that nothing of it is kept where the application keeps its own. */
export async function ownStorage(
    createApplication: CreateApplication,
    folder: string,
    overrides: ConfigOverrides,
): Promise<OwnStorage> {
    const own = inFolder(folder, overrides);
    const { driver, fallback = [], drivers } = own.session ?? {};
    const uses = (name: string) => driver === name || fallback.includes(name);
    // A test that names the beginning of its keys, or its table, may want to find them.
    if (uses('redis') && drivers?.redis?.['prefix'] === undefined) {
        return underOwnKeys(createApplication, own);
    }
    return uses('database') && drivers?.database?.['table'] === undefined
        ? inOwnTable(createApplication, own)
        : { overrides: own, remove: async () => undefined };
}

function inFolder(folder: string, { session, logging, ...others }: ConfigOverrides): ConfigOverrides {
    const file = { path: join(folder, 'sessions'), ...session?.drivers?.file };
    const files = { enabled: false, folder: join(folder, 'logs'), ...logging?.files };
    return {
        ...others,
        logging: { console: 'readable', level: 'error', ...logging, files },
        session: { driver: 'file', fallback: [], ...session, drivers: { ...session?.drivers, file } },
    };
}

/** Below the application's own beginning: where keys are limited, these are allowed too. */
async function underOwnKeys(createApplication: CreateApplication, overrides: ConfigOverrides): Promise<OwnStorage> {
    const { config } = await createApplication(overrides);
    const options = (config.get<SessionConfig>('session').drivers['redis'] ?? {}) as RedisStoreOptions;
    // The tilde keeps walks of the application away: no session's key has it there.
    const prefix = `${options.prefix ?? 'sess:'}~test:${randomBytes(9).toString('hex')}:`;
    const { session } = overrides;
    const drivers = { ...session?.drivers, redis: { ...session?.drivers?.redis, prefix } };
    return {
        overrides: { ...overrides, session: { ...session, drivers } },
        remove: () => removeFrom(options, prefix),
    };
}

async function inOwnTable(createApplication: CreateApplication, overrides: ConfigOverrides): Promise<OwnStorage> {
    const { config, environment } = await createApplication(overrides);
    const options = driverOptions('database', config.get<SessionConfig>('session'), environment);
    const table = `${options['table'] ?? TABLE}_test_${randomBytes(9).toString('hex')}`;
    const { session } = overrides;
    const drivers = { ...session?.drivers, database: { ...session?.drivers?.database, table, formerTable: false } };
    return {
        overrides: { ...overrides, session: { ...session, drivers } },
        remove: async () => {
            const database = await openDatabase(options);
            await Promise.resolve(dropTable(database, table)).finally(() => database.close());
        },
    };
}

async function removeFrom(options: RedisStoreOptions, prefix: string): Promise<void> {
    const connection = await openConnection(options);
    await removeKeys(connection, prefix).finally(() => connection.close());
}
