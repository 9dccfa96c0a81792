import type { Logger } from '../../Logging/Logger.js';
import type { SessionConfig, SessionSettings } from '../Config/SessionConfig.js';
import type { SessionDriver } from '../Drivers/SessionDriver.js';
import type { FallbackDriver, OldDriver } from '../Moving/FallbackDriver.js';
import { lifetimeOf } from '../Record/SessionLifetime.js';
import type { SessionManager } from './SessionManager.js';

export interface SessionDriversOptions {
    readonly manager: SessionManager;
    readonly config: SessionConfig;
    readonly settings: SessionSettings;
    readonly log: Logger;
}

/** The driver that the config names, with all that stands around it: encryption, and the drivers that were used before. */
export class OpenedDrivers {
    private readonly opened: SessionDriver[] = [];
    private fallback: FallbackDriver | undefined;

    public constructor(private readonly options: SessionDriversOptions) {}

    /** Opens them all. Throws ConfigError where one can't be used. */
    public async open(): Promise<SessionDriver> {
        const { config, settings, log } = this.options;
        const driver = await this.encrypted(config.driver);
        if (config.fallback.length === 0) {
            return driver;
        }
        const [{ FallbackDriver }, { SessionLifetime }] = await Promise.all([
            import('../Moving/FallbackDriver.js'),
            import('../Record/SessionLifetime.js'),
        ]);
        const old: OldDriver[] = [];
        for (const name of config.fallback) {
            old.push({ name, driver: await this.encrypted(name) });
        }
        this.fallback = new FallbackDriver({
            driver,
            old,
            lifetime: new SessionLifetime(lifetimeOf(settings)),
            warn: (message, context) => log.warning(message, context),
        });
        return this.fallback;
    }

    /** The driver with those behind it that were used before; undefined where there are none. */
    public get withFallback(): FallbackDriver | undefined {
        return this.fallback;
    }

    /** Closes them all, also where one can't be closed. */
    public async close(): Promise<void> {
        const results = await Promise.allSettled(this.opened.splice(0).map(async (driver) => driver.close()));
        for (const result of results) {
            if (result.status === 'rejected') {
                throw result.reason;
            }
        }
    }

    /** With encryption in front. */
    private async encrypted(name: string): Promise<SessionDriver> {
        const { manager, settings, log } = this.options;
        const driver = await manager.driver(name);
        this.opened.push(driver);
        const { openEncrypted } = await import('../Sealing/openEncrypted.js');
        return openEncrypted(driver, {
            name,
            secrets: settings.secrets,
            encrypts: settings.encrypts,
            timeoutMs: settings.storeTimeoutMs,
            warn: (message) => log.warning(message),
        });
    }
}
