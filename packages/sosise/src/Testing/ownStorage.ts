import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ConfigOverrides } from '../ConfigOverrides.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import type { SessionConfig } from '../Session/Config/SessionConfig.js';
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
    const usesRedis = driver === 'redis' || fallback.includes('redis');
    // A test that gives its keys a beginning may want to find them.
    return usesRedis && drivers?.redis?.['prefix'] === undefined
        ? underOwnKeys(createApplication, own)
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

async function removeFrom(options: RedisStoreOptions, prefix: string): Promise<void> {
    const connection = await openConnection(options);
    await removeKeys(connection, prefix).finally(() => connection.close());
}
