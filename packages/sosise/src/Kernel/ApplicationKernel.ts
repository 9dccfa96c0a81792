import { type ConfigDefinition, type ConfigFiles, ConfigRepository } from '../Config/ConfigRepository.js';
import type { Environment } from '../Config/Environment.js';
import { pathIn } from '../Config/pathIn.js';
import { LifecycleError } from '../Exceptions/errors.js';
import { Container } from './Container.js';

export type KernelState = 'created' | 'booting' | 'wired' | 'booted' | 'terminating' | 'terminated';

/** What the kernel takes through its four steps. */
export interface Bootable {
    register(): void;
    boot(): void | Promise<void>;
    ready(): void | Promise<void>;
    shutdown(): void | Promise<void>;
}

export type ServiceProviderClass = (new (
    app: ApplicationKernel,
) => Bootable) & {
    readonly config: readonly ConfigDefinition[];
};

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
 * Each step can be asked for twice and runs once; a failed boot undoes itself and can't be repeated. `wire()` stops
 * halfway, at wired, for who looks at the application without using it.
 */
export class ApplicationKernel {
    public readonly container = new Container();
    public readonly environment: Environment;
    public readonly config: ConfigRepository;
    /** Set by the console before it boots: this is no server. */
    public isInConsole = false;
    private readonly providers: readonly Bootable[];
    /** The providers whose `boot` was begun, in order: these are shut down. */
    private readonly started: Bootable[] = [];
    private wiring?: Promise<this>;
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

    /**
     * An absolute path, whatever the working directory is: `app.path('storage', 'todo.json')`. The first name is a folder of
     * sosise.json, or one in the application's folder; the others can't lead out of it.
     */
    public path(...names: readonly string[]): string {
        return pathIn(this.environment, names);
    }

    /**
     * Registers and boots every provider, and readies none: routes and drivers are known, and no session store is opened.
     * `boot()` may follow; `shutdown()` undoes it.
     */
    public wire(): Promise<this> {
        this.wiring ??= this.registerAndBoot();
        return this.wiring;
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

    private async registerAndBoot(): Promise<this> {
        this.expect('created');
        this.currentState = 'booting';
        try {
            for (const provider of this.providers) {
                provider.register();
            }
            for (const provider of this.providers) {
                this.started.push(provider);
                await provider.boot();
            }
        } catch (error) {
            throw await this.undone(error);
        }
        this.currentState = 'wired';
        return this;
    }

    private async start(): Promise<this> {
        await this.wire();
        this.expect('wired');
        this.currentState = 'booting';
        try {
            for (const provider of this.providers) {
                await provider.ready();
            }
        } catch (error) {
            throw await this.undone(error);
        }
        this.currentState = 'booted';
        return this;
    }

    private expect(state: KernelState): void {
        if (this.currentState !== state) {
            throw new LifecycleError(`The application can't boot: it is ${this.currentState} already.`);
        }
    }

    /** Shuts down what a failed boot has begun. Gives the cause: what failed first. */
    private async undone(cause: unknown): Promise<unknown> {
        this.terminating ??= this.shutDownStarted();
        await this.terminating.catch(() => undefined);
        return cause;
    }

    private async stop(): Promise<void> {
        await (this.booting ?? this.wiring)?.catch(() => undefined); // a boot under way is finished first, then undone
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
