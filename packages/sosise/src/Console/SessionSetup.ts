import { ConfigError } from '../Exceptions/errors.js';
import { toError } from '../Exceptions/thrown.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import type { SessionConfig } from '../Session/Config/SessionConfig.js';
import { driverOptions } from '../Session/Config/settingsOf.js';
import { SessionManager } from '../Session/Opening/SessionManager.js';
import { inTime } from '../Support/Deadlines.js';
import type { Console } from './Console.js';
import { unknownName } from './UsageError.js';

/** Whoever looks at a driver says what is wrong with it by itself. */
const silent = { warning: () => undefined };

/** Sessions as they are set up, for commands that have work to do where the application could not start with them. */
export class SessionSetup {
    private app: ApplicationKernel | undefined;

    private constructor(
        private readonly artisan: Console,
        /** Checked, but for the secret. */
        public readonly config: SessionConfig,
        /** Not booted. */
        public readonly kernel: ApplicationKernel,
    ) {}

    /** Reads the config. Throws ConfigError where more than the secret is wrong with it. @param driver In place of the configured one. */
    public static async read(artisan: Console, driver?: string): Promise<SessionSetup> {
        const { kernel, config } = await readConfig(artisan);
        const name = driver ?? config.driver;
        const fallback = config.fallback.filter((other) => other !== name);
        return new SessionSetup(artisan, { ...config, driver: name, fallback }, kernel);
    }

    /** The options of a driver, as it would be made with them. */
    public optionsOf(name: string): Record<string, unknown> {
        return driverOptions(name, this.config, this.kernel.environment);
    }

    /**
     * The manager with all drivers that the application adds: it is booted for that, with its sessions off. Where it does not
     * boot within `timeoutMs`, the framework's own drivers, and why.
     */
    public async openManager(timeoutMs: number): Promise<{ manager: SessionManager; trouble?: Error }> {
        try {
            const app = await this.artisan.application({ session: { enabled: false } });
            await inTime(app.boot(), timeoutMs, () => new Error(`it does not start within ${timeoutMs} ms.`));
            this.app = app;
            return { manager: app.container.make(SessionManager) };
        } catch (error) {
            const manager = new SessionManager(this.config, this.kernel.environment, silent);
            return { manager, trouble: toError(error) };
        }
    }

    public async close(): Promise<void> {
        await this.app?.shutdown();
    }
}

/** Throws UsageError where a driver was named that there is not. */
export function refuseUnknownDriver(given: string | undefined, manager: SessionManager): void {
    if (given !== undefined && !manager.names().includes(given)) {
        throw unknownName('session driver', given, manager.names());
    }
}

/** A missing or weak secret stops a start, and must not stop a look at what else there is. */
async function readConfig(artisan: Console): Promise<{ kernel: ApplicationKernel; config: SessionConfig }> {
    try {
        const kernel = await artisan.application();
        return { kernel, config: kernel.config.get<SessionConfig>('session') };
    } catch (error) {
        const isOn = error instanceof ConfigError && (await isEnabled(artisan));
        if (!isOn) {
            throw error;
        }
        const kernel = await artisan.application({ session: { enabled: false } }).catch(() => {
            throw error;
        });
        return { kernel, config: { ...kernel.config.get<SessionConfig>('session'), enabled: true } };
    }
}

async function isEnabled(artisan: Console): Promise<boolean> {
    try {
        return ((await artisan.sessionConfig()) as { enabled?: unknown }).enabled === true;
    } catch {
        return false; // the error that there is says more
    }
}
