import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { CommanderError } from 'commander';
import { parse, populate } from 'dotenv';
import type { ApplicationKernel } from '../ApplicationKernel.js';
import type { ConfigOverrides } from '../Config/ConfigOverrides.js';
import { readEnvFile } from '../Config/envFile.js';
import { nearest } from '../Config/nearest.js';
import { ConfigError } from '../Exceptions/errors.js';
import { toError } from '../Exceptions/thrown.js';
import { loadManifest, type Manifest } from '../Manifest.js';
import type { Command, CommandList } from './Command.js';
import { frameworkCommands } from './commands.js';
import { parserOf } from './parserOf.js';
import { UsageError } from './UsageError.js';

/** What commands read of `src/config/session.ts`. Times are in ms. */
export interface ConsoleSessionConfig {
    secret?: unknown;
    absolute?: number | null;
    idle?: number;
    cookie?: { maxAge?: number | null };
}

export interface ArtisanOptions {
    /** `import.meta.url` of src/artisan.ts, or of build/artisan.js. */
    entryUrl: string;
    /** The config files that commands read, each loaded when one does. */
    config: { session: () => Promise<{ default: ConsoleSessionConfig }> };
    /** The application's own commands, loaded where a name is none of the framework's, and by `list`. */
    commands?: () => Promise<{ default: CommandList }>;
    /** The whole application, loaded by the commands that need it. */
    bootstrap: () => Promise<{ createApplication: (overrides?: ConfigOverrides) => Promise<ApplicationKernel> }>;
}

/** The console: finds the command that was called, loads it and runs it. */
export class Artisan {
    private readonly stopping = new AbortController();
    private readonly applications: ApplicationKernel[] = [];
    private isInterruptible = false;

    public constructor(private readonly options: ArtisanOptions) {}

    /** The application's folder. */
    public get root(): string {
        return dirname(this.manifest.file);
    }

    /** The folder that the console was started from: src, or build. */
    public get entryFolder(): string {
        return dirname(fileURLToPath(this.options.entryUrl));
    }

    /** Whether it is what the compiler made. */
    public get isBuilt(): boolean {
        return this.options.entryUrl.endsWith('.js');
    }

    /** The validated sosise.json. */
    public get manifest(): Manifest {
        return loadManifest(this.entryFolder);
    }

    /** Aborts at Ctrl-C or SIGTERM, from the first time on that it is asked for. */
    public get signal(): AbortSignal {
        if (!this.isInterruptible) {
            this.isInterruptible = true;
            process.once('SIGINT', this.stop).once('SIGTERM', this.stop);
        }
        return this.stopping.signal;
    }

    /** What src/config/session.ts says, unchecked. It reads variables, so `.env` is loaded before it. */
    public async sessionConfig(): Promise<ConsoleSessionConfig> {
        populate(process.env, parse(readEnvFile(join(this.root, '.env')) ?? ''));
        return (await this.options.config.session()).default;
    }

    /** The application with its config read and checked, not booted. Its log goes to its files alone. */
    public async application(overrides: ConfigOverrides = {}): Promise<ApplicationKernel> {
        const { createApplication } = await this.options.bootstrap();
        return createApplication({ logging: { console: false }, ...overrides });
    }

    /** The application, booted. It is taken down when the command has ended. */
    public async booted(overrides?: ConfigOverrides): Promise<ApplicationKernel> {
        const app = await this.application(overrides);
        this.applications.push(app);
        return app.boot();
    }

    /** Runs one command line. Gives the exit code: 0, 1 when the command failed, 2 when it was called wrongly. */
    public async run(args: readonly string[]): Promise<number> {
        process.stdout.on('error', this.leaveToReader);
        try {
            await this.execute(args);
            return 0;
        } catch (error) {
            if (error instanceof CommanderError && error.exitCode === 0) {
                return 0; // it printed a command's help
            }
            const verbose = args.includes('-v') || args.includes('--verbose');
            process.stderr.write(`${verbose ? inspect(error) : sentenceOf(error)}\n`);
            return error instanceof UsageError ? 2 : 1;
        } finally {
            process.off('SIGINT', this.stop).off('SIGTERM', this.stop);
        }
    }

    /** The names of all commands, by what loads them. The application's own win over the framework's. */
    public async commands(): Promise<CommandList> {
        return { ...frameworkCommands, ...(await this.options.commands?.())?.default };
    }

    /** A command by its name, loaded now. */
    public async command(name: string): Promise<Command> {
        const commands = await this.commands();
        const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
        if (!load) {
            throw unknownCommand(name, Object.keys(commands));
        }
        const loaded = await load();
        const CommandClass = 'default' in loaded ? loaded.default : loaded;
        const command = new CommandClass(this);
        if (command.signature.split(' ')[0] !== name) {
            throw new ConfigError(
                `The command [${name}] says that its signature is [${command.signature}]: use the same name there and in src/app/Console/Kernel.ts.`,
            );
        }
        return command;
    }

    private async execute(given: readonly string[]): Promise<void> {
        const args = given[0] === 'help' ? [...given.slice(1), '--help'] : given;
        const name = args.find((arg) => !arg.startsWith('-'));
        // Without a name the list is the help.
        const line = name ? args : ['list', ...args.filter((arg) => arg !== '-h' && arg !== '--help')];
        const parser = parserOf(await this.command(name ?? 'list'));
        try {
            await parser.parseAsync(line, { from: 'user' });
        } finally {
            for (const app of this.applications.splice(0).reverse()) {
                await app.shutdown();
            }
        }
    }

    private readonly stop = () => this.stopping.abort();

    /** A reader that has seen enough, such as `head`, closes the pipe: that is no error, and the work may end. */
    private readonly leaveToReader = (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') {
            throw error;
        }
        this.stop();
    };
}

function unknownCommand(name: string, known: readonly string[]): UsageError {
    const group = known.filter((other) => other.startsWith(`${name}:`));
    if (group.length > 1) {
        return new UsageError(`There is no command ${name}: there are ${group.sort().join(', ')}.`);
    }
    const near = nearest(name, known);
    const hint = near ? `did you mean ${near}?` : './artisan list shows those that there are.';
    return new UsageError(`There is no command ${name}: ${hint}`);
}

function sentenceOf(error: unknown): string {
    const { message } = toError(error);
    return error instanceof ConfigError ? message : `${message} (-v shows where it happened)`;
}
