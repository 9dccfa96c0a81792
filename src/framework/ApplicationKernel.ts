import { type ConfigFiles, ConfigRepository } from './Config/ConfigRepository.js';
import { Container } from './Container.js';
import type { Environment } from './Environment.js';
import type { ServiceProvider, ServiceProviderClass } from './ServiceProvider.js';

export type KernelState = 'created' | 'booting' | 'booted' | 'terminating' | 'terminated';

export interface KernelOptions {
    /** Where the application lives and how it runs. */
    environment: Environment;
    /** In the order in which they register, boot and get ready. */
    providers: readonly ServiceProviderClass[];
    /** The default exports of the files in `src/config`, by file name. */
    config: ConfigFiles;
    /** Laid over `config`, key by key: what a test wants otherwise. */
    overrides?: ConfigFiles;
}

/**
 * Boots the application and takes it down again: created → booting → booted → terminating → terminated.
 * Each step can be asked for twice and runs once; a failed boot undoes itself and can't be repeated.
 */
export class ApplicationKernel {
    public readonly container = new Container();
    public readonly environment: Environment;
    public readonly config: ConfigRepository;
    private readonly providers: readonly ServiceProvider[];
    /** The providers whose `boot` was begun, in order: these are shut down. */
    private readonly started: ServiceProvider[] = [];
    private booting?: Promise<this>;
    private terminating?: Promise<void>;
    private currentState: KernelState = 'created';

    public constructor(options: KernelOptions) {
        this.environment = options.environment;
        this.config = new ConfigRepository({
            environment: options.environment,
            definitions: options.providers.flatMap((provider) => provider.config),
            files: options.config,
            overrides: options.overrides ?? {},
        });
        this.container.instance(ApplicationKernel, this);
        this.providers = options.providers.map((Provider) => new Provider(this));
    }

    public get state(): KernelState {
        return this.currentState;
    }

    /** Registers, boots and readies every provider. The first failure is the one reported. */
    public boot(): Promise<this> {
        this.booting ??= this.start();
        return this.booting;
    }

    /** Shuts down what has booted, in reverse. Every provider gets its turn, even when one fails. */
    public shutdown(): Promise<void> {
        this.terminating ??= this.stop();
        return this.terminating;
    }

    private async start(): Promise<this> {
        if (this.currentState !== 'created') {
            throw new Error(`The application can't boot: it is ${this.currentState} already.`);
        }
        this.currentState = 'booting';
        try {
            for (const provider of this.providers) {
                provider.register();
            }
            for (const provider of this.providers) {
                this.started.push(provider);
                await provider.boot();
            }
            for (const provider of this.providers) {
                await provider.ready();
            }
        } catch (error) {
            this.terminating ??= this.shutDownStarted();
            await this.terminating.catch(() => undefined); // the cause is what failed first
            throw error;
        }
        this.currentState = 'booted';
        return this;
    }

    private async stop(): Promise<void> {
        await this.booting?.catch(() => undefined); // a boot under way is finished first, then undone
        await this.shutDownStarted();
    }

    private async shutDownStarted(): Promise<void> {
        this.currentState = 'terminating';
        const failures: unknown[] = [];
        for (const provider of this.started.splice(0).reverse()) {
            try {
                await provider.shutdown();
            } catch (error) {
                failures.push(error);
            }
        }
        this.currentState = 'terminated';
        if (failures.length > 0) {
            throw failures.length === 1
                ? failures[0]
                : new AggregateError(failures, 'Several providers failed to shut down.');
        }
    }
}
