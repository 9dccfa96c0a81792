import type { Store } from 'express-session';
import type { Environment } from '../../Config/Environment.js';
import { optionalImport } from '../../Config/optionalImport.js';
import { ConfigError, LifecycleError } from '../../Exceptions/errors.js';
import { UnknownDriverError } from '../../Exceptions/UnknownDriverError.js';
import type { Logger } from '../../Logging/Logger.js';
import { nearest } from '../../Support/nearest.js';
import type { SessionConfig } from '../Config/SessionConfig.js';
import { driverOptions } from '../Config/settingsOf.js';
import { isDriver, isStore, whyNeither } from '../Drivers/kindOfStore.js';
import type { SessionDriver } from '../Drivers/SessionDriver.js';

type Options = Record<string, unknown>;

export type SessionDriverFactory = (options: Options) => Store | SessionDriver | Promise<Store | SessionDriver>;

/**
 * Makes session drivers by name: `file`, `memory`, `redis` and `database` are built in, `extend` adds others. A factory may give any
 * express-session store from npm, or a driver of your own. A driver is made once, when it is first asked for.
 */
export class SessionManager {
    private readonly factories = new Map<string, (options: Options) => Promise<SessionDriver>>();
    private readonly drivers = new Map<string, Promise<SessionDriver>>();
    private readonly added = new Set<string>();
    private readonly handedIn = new Map<string, Options>();

    public constructor(
        private readonly config: SessionConfig,
        private readonly environment: Environment,
        private readonly log: Pick<Logger, 'warning'>,
    ) {
        // What knows the names of these drivers, too: Config/driverRules, Contract/openScratch, Doctor, Testing/ownStorage, Welcome.
        const warn = (message: string) => log.warning(message);
        this.extend('file', async (options) => {
            const { FileStore } = await import('../Stores/File/FileStore.js');
            return new FileStore({ warn, ...options });
        });
        this.extend('memory', async (options) => {
            await refuseInWorker();
            const { MemoryStore } = await import('../Stores/Memory/MemoryStore.js');
            return new MemoryStore({ warn, ...options });
        });
        this.extend('redis', async (options) => {
            const { RedisStore } = await optionalImport(
                'Session driver [redis]',
                'connect-redis redis',
                () => import('../Stores/Redis/RedisStore.js'),
            );
            return RedisStore.open({ warn, keepDamagedMs: config.keepDamagedMs, ...options });
        });
        this.extend('database', async (options) => {
            const { openDatabaseStore } = await import('../Stores/Database/openDatabase.js');
            const createTable = environment.isProduction ? undefined : true;
            return openDatabaseStore({ warn, keepDamagedMs: config.keepDamagedMs, createTable, ...options });
        });
        this.added.clear();
    }

    /**
     * Adds a driver, or replaces a built-in one: `extend('mongo', (options) => new MongoStore(options))`. The options are
     * `drivers.mongo` of the session config. Call it from a provider's `register` or `boot`.
     */
    public extend(name: string, factory: SessionDriverFactory): this {
        if (this.drivers.has(name)) {
            throw new LifecycleError(
                `Session driver [${name}] is in use already: call extend() before the application is ready.`,
            );
        }
        this.added.add(name);
        this.factories.set(name, async (options) => {
            const made = await factory(this.optionsWith(name, options));
            const report = (error: unknown) => this.log.warning(`Session driver [${name}]: an error.`, { error });
            const events = made as Partial<Store> | undefined;
            if (typeof events?.on === 'function') {
                events.on('error', report);
            }
            return asDriver(name, made, () => events?.off?.('error', report));
        });
        return this;
    }

    /**
     * Hands a driver what a config file can't hold, such as a pool that the application has already:
     * `configure('database', { pool })`. Call it from a provider's `register` or `boot`.
     */
    public configure(name: string, options: Readonly<Record<string, unknown>>): this {
        this.handedIn.set(name, { ...this.handedIn.get(name), ...options });
        return this;
    }

    /** A driver's options, with what was handed in. */
    public optionsWith(name: string, options: Readonly<Record<string, unknown>>): Record<string, unknown> {
        return { ...options, ...this.handedIn.get(name) };
    }

    /** Whether it is one of the framework's own, and nobody has put another in its place. */
    public isBuiltIn(name: string): boolean {
        return this.names().includes(name) && !this.added.has(name);
    }

    /** The names that `driver` knows, sorted. */
    public names(): string[] {
        return [...this.factories.keys()].sort();
    }

    /** The named driver, made on first use. */
    public driver(name: string): Promise<SessionDriver> {
        let driver = this.drivers.get(name);
        if (!driver) {
            driver = this.create(name);
            this.drivers.set(name, driver);
            driver.catch(() => this.drivers.delete(name)); // a later call may try again
        }
        return driver;
    }

    /** Another driver of this name, not kept: it is the caller's to close. @param options In place of the configured ones. */
    public async create(name: string, options?: Options): Promise<SessionDriver> {
        const factory = this.factories.get(name);
        if (!factory) {
            const near = nearest(name, this.names());
            throw new UnknownDriverError(
                `Session driver [${name}] is not supported. Known: ${this.names().join(', ')}.${near ? ` Did you mean [${near}]?` : ''} Name one of them in src/config/session.ts, or add it with sessions.extend('${name}', …) in src/app/Providers/AppServiceProvider.ts.`,
                name,
                this.names(),
            );
        }
        return factory(options ?? driverOptions(name, this.config, this.environment));
    }
}

/** Each process would have sessions of its own, and visitors lose theirs from one request to the next. */
async function refuseInWorker(): Promise<void> {
    const { default: cluster } = await import('node:cluster');
    if (cluster.isWorker) {
        throw new ConfigError(
            "Session driver [memory] keeps sessions in one process, and this is one of several (a worker of node:cluster): visitors would lose theirs from one request to the next. Set driver: 'file', 'redis' or 'database' in src/config/session.ts.",
        );
    }
}

/** @param closed Called once a store is closed. */
async function asDriver(name: string, made: Store | SessionDriver, closed: () => void): Promise<SessionDriver> {
    if (isDriver(made)) {
        return made;
    }
    // Not loaded for the drivers that are built in, nor express-session where sessions are off.
    const [{ default: session }, { PlainStoreAdapter }] = await Promise.all([
        import('express-session'),
        import('../Stores/Plain/PlainStoreAdapter.js'),
    ]);
    if (made instanceof session.Store || isStore(made)) {
        return new PlainStoreAdapter(made as Store, { closed });
    }
    throw new ConfigError(`Session driver [${name}]: what extend('${name}', …) returned ${whyNeither(made)}.`);
}
