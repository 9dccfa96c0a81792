import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { CommanderError } from 'commander';
import { parse } from 'dotenv';
import type { Manifest } from '../Config/Environment.js';
import { readEnvFile } from '../Config/envFile.js';
import { takeFromFile } from '../Config/fileVariables.js';
import { loadManifest } from '../Config/loadManifest.js';
import type { ConfigOverrides } from '../ConfigOverrides.js';
import { ConfigError } from '../Exceptions/errors.js';
import { importFailure } from '../Exceptions/importFailure.js';
import { toError } from '../Exceptions/thrown.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { SessionUnavailableException } from '../Session/Repository/SessionErrors.js';
import { inTime } from '../Support/Deadlines.js';
import type { Command, CommandList } from './Command.js';
import { CommandRegistry } from './CommandRegistry.js';
import type { Console, ConsoleSessionConfig, ListedCommand } from './Console.js';
import { frameworkCommands } from './commands.js';
import { parserOf } from './parserOf.js';
import { errorTerminal } from './Terminal.js';
import { UsageError } from './UsageError.js';

/** What the application gets to shut down in, behind a command. */
const SHUTDOWN_MS = 10_000;
/** What Node.js calls those that a process has anyway. */
const STANDARD_STREAMS = new Set(['PipeWrap', 'TTYWrap']);
/** What a command left running gets to end by itself. */
const LEFT_RUNNING_MS = 5_000;

export interface ArtisanOptions {
    /** `import.meta.url` of src/artisan.ts, or of build/artisan.js. */
    entryUrl: string;
    /** The config files that commands read, each loaded when one does. */
    config: { session: () => Promise<{ default: ConsoleSessionConfig }> };
    /** The application's own commands. */
    commands?: () => Promise<{ default: CommandList }>;
    /** The whole application, loaded by the commands that need it. */
    bootstrap: () => Promise<{ createApplication: (overrides?: ConfigOverrides) => Promise<ApplicationKernel> }>;
}

/** The console: finds the command that was called, loads it and runs it. */
export class Artisan implements Console {
    private readonly stopping = new AbortController();
    private readonly applications: ApplicationKernel[] = [];
    private readonly registry: CommandRegistry;
    private shared: Promise<ApplicationKernel> | undefined;
    private isInterruptible = false;
    private isLeft = false;

    public constructor(private readonly options: ArtisanOptions) {
        const { commands: load } = options;
        const own = load && { load, prepare: () => this.loadVariables() };
        this.registry = new CommandRegistry(this, frameworkCommands, own, printError);
    }

    public get root(): string {
        return dirname(this.manifest.file);
    }

    public get entry(): string {
        return relative(this.root, fileURLToPath(this.options.entryUrl));
    }

    public get entryFolder(): string {
        return dirname(fileURLToPath(this.options.entryUrl));
    }

    public get isBuilt(): boolean {
        return this.options.entryUrl.endsWith('.js');
    }

    public get manifest(): Manifest {
        return loadManifest(this.entryFolder);
    }

    public get frameworkCommands(): readonly string[] {
        return Object.keys(frameworkCommands);
    }

    public get signal(): AbortSignal {
        if (!this.isInterruptible) {
            this.isInterruptible = true;
            process.once('SIGINT', this.stop).once('SIGTERM', this.stop);
        }
        return this.stopping.signal;
    }

    public get isUnread(): boolean {
        return this.isLeft;
    }

    public async sessionConfig(): Promise<ConsoleSessionConfig> {
        this.loadVariables();
        return (await this.options.config.session()).default;
    }

    public async application(overrides: ConfigOverrides = {}): Promise<ApplicationKernel> {
        const { createApplication } = await this.options.bootstrap();
        const app = await createApplication({ logging: { console: false }, ...overrides });
        app.isInConsole = true;
        return app;
    }

    public booted(overrides?: ConfigOverrides): Promise<ApplicationKernel> {
        if (overrides) {
            return this.takeUp(overrides).then((app) => app.boot());
        }
        this.shared ??= this.takeUp().then((app) => app.boot());
        return this.shared;
    }

    public async wired(overrides?: ConfigOverrides): Promise<ApplicationKernel> {
        return (await this.takeUp(overrides)).wire();
    }

    /** Runs one command line. Gives the exit code: 0, 1 when the command failed, 2 when it was called wrongly. */
    public async run(args: readonly string[]): Promise<number> {
        process.stdout.on('error', this.leaveToReader);
        try {
            await this.execute(args);
            return 0;
        } catch (error) {
            return report(error, args);
        } finally {
            process.stdout.off('error', this.leaveToReader);
            process.off('SIGINT', this.stop).off('SIGTERM', this.stop);
        }
    }

    /**
     * Runs one command line as this process: sets its exit code, and ends it where the command left something running
     * that would keep it alive, such as an interval or a connection.
     */
    public async runAsProcess(args: readonly string[]): Promise<void> {
        process.stdout.on('error', this.leaveToReader); // what is still written when the command has ended, too
        // What fails outside of what the command waits for, such as a promise that nobody kept.
        process.on('uncaughtException', (error) => {
            process.exitCode = report(error, args);
            void this.takeDown().finally(() => process.exit());
        });
        process.exitCode = await this.run(args);
        setTimeout(() => {
            const left = new Set(process.getActiveResourcesInfo().filter((kind) => !STANDARD_STREAMS.has(kind)));
            printError(
                `The command has ended, and something that it began has not (${[...left].join(', ')}): it was cut off. Await it in handle(), or close it there.`,
            );
            process.exit();
        }, LEFT_RUNNING_MS).unref();
    }

    /** All commands as the list shows them, those too that can't be loaded. */
    public listed(): Promise<{ commands: ListedCommand[]; problem?: string }> {
        return this.registry.listed();
    }

    /** A command by its name, loaded now. */
    public command(name: string): Promise<Command> {
        return this.registry.find(name);
    }

    private async execute(given: readonly string[]): Promise<void> {
        const args = given[0] === 'help' ? [...given.slice(1), '--help'] : given;
        const name = args.find((arg) => !arg.startsWith('-'));
        // Without a name the list is the help.
        const line = name ? args : ['list', ...args.filter((arg) => arg !== '-h' && arg !== '--help')];
        const command = await this.command(name ?? 'list');
        try {
            await parserOf(command).parseAsync(withDashedLast(line, command), { from: 'user' });
        } catch (error) {
            await this.takeDown().catch(() => undefined); // what failed first is told
            throw error;
        }
        await this.takeDown();
    }

    private async takeUp(overrides?: ConfigOverrides): Promise<ApplicationKernel> {
        const app = await this.application(overrides);
        this.applications.push(app);
        return app;
    }

    private async takeDown(): Promise<void> {
        this.shared = undefined;
        const late = () => new Error('The application did not shut down in time.');
        const ends = this.applications.splice(0).map((app) => inTime(app.shutdown(), SHUTDOWN_MS, late));
        const results = await Promise.allSettled(ends);
        const failed = results.find((result) => result.status === 'rejected');
        if (failed) {
            throw failed.reason;
        }
    }

    /** What `.env` says, where the process's variables don't say it already. */
    private loadVariables(): void {
        takeFromFile(process.env, parse(readEnvFile(join(this.root, '.env')) ?? ''));
    }

    private readonly stop = () => this.stopping.abort();

    /** A reader that has seen enough, such as `head`, closes the pipe: that is no error, and the work may end. */
    private readonly leaveToReader = (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') {
            throw error;
        }
        this.isLeft = true;
        this.stop();
    };
}

/** Arguments that begin with a dash stand behind `--`, where the parser takes them for what they are. */
function withDashedLast(line: readonly string[], { dashedArgument: form, options }: Command): readonly string[] {
    if (!form || line.includes('--')) {
        return line;
    }
    const isFlag = (arg = '', takesValue = false) =>
        options.some(({ flag }) => flag.split(/[ ,]+/).includes(arg) && (!takesValue || flag.includes('<')));
    const isDashed = (arg: string, index: number) => form.test(arg) && !isFlag(arg) && !isFlag(line[index - 1], true);
    const dashed = line.filter(isDashed);
    return dashed.length === 0 ? line : [...line.filter((arg, index) => !isDashed(arg, index)), '--', ...dashed];
}

/** Prints an error as its sentence, or with -v as its stack. Gives the exit code. */
function report(error: unknown, args: readonly string[]): number {
    if (error instanceof CommanderError && error.exitCode === 0) {
        return 0; // it printed a command's help
    }
    const isVerbose = args.includes('-v') || args.includes('--verbose');
    printError(isVerbose ? inspect(error) : sentenceOf(error));
    return error instanceof UsageError ? 2 : 1;
}

function printError(text: string): void {
    process.stderr.write(`${errorTerminal.paint('red', text)}\n`);
}

function sentenceOf(error: unknown): string {
    const thrown = toError(error);
    // Who runs commands is told the cause, and not what visitors are told.
    const { message } = thrown instanceof SessionUnavailableException ? toError(thrown.cause) : thrown;
    return error instanceof ConfigError ? message : (importFailure(error) ?? `${message} (-v shows where it happened)`);
}
