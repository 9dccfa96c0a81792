import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { CommanderError, Command as Parser } from 'commander';
import { parse, populate } from 'dotenv';
import type { ApplicationKernel } from '../ApplicationKernel.js';
import { readEnvFile } from '../Config/envFile.js';
import { nearest } from '../Config/nearest.js';
import { ConfigError } from '../Exceptions/errors.js';
import { toError } from '../Exceptions/thrown.js';
import { loadManifest } from '../Manifest.js';
import type { Command } from './Command.js';
import { frameworkCommands } from './commands.js';
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
    /** The whole application, loaded by the commands that need it. */
    bootstrap: () => Promise<{ createApplication: () => Promise<ApplicationKernel> }>;
}

/** The console: finds the command that was called, loads it and runs it. */
export class Artisan {
    public readonly commands = frameworkCommands;

    public constructor(private readonly options: ArtisanOptions) {}

    /** The application's folder. */
    public get root(): string {
        return dirname(loadManifest(dirname(fileURLToPath(this.options.entryUrl))).file);
    }

    /** What src/config/session.ts says, unchecked. It reads variables, so `.env` is loaded before it. */
    public async sessionConfig(): Promise<ConsoleSessionConfig> {
        populate(process.env, parse(readEnvFile(join(this.root, '.env')) ?? ''));
        return (await this.options.config.session()).default;
    }

    /** The application, not yet booted. Whoever boots it shuts it down. */
    public async application(): Promise<ApplicationKernel> {
        return (await this.options.bootstrap()).createApplication();
    }

    /** Runs one command line. Gives the exit code: 0, 1 when the command failed, 2 when it was called wrongly. */
    public async run(args: readonly string[]): Promise<number> {
        process.stdout.off('error', leaveToReader).on('error', leaveToReader);
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
        }
    }

    /** A command by its name, loaded now. */
    public async command(name: string): Promise<Command> {
        const load = Object.hasOwn(this.commands, name) ? this.commands[name] : undefined;
        if (!load) {
            const near = nearest(name, Object.keys(this.commands));
            const hint = near ? `did you mean ${near}?` : './artisan list shows those that there are.';
            throw new UsageError(`There is no command ${name}: ${hint}`);
        }
        return new (await load())(this);
    }

    private async execute(given: readonly string[]): Promise<void> {
        const args = given[0] === 'help' ? [...given.slice(1), '--help'] : given;
        const name = args.find((arg) => !arg.startsWith('-'));
        if (name) {
            await parserOf(await this.command(name)).parseAsync(args, { from: 'user' });
        } else {
            const options = args.filter((arg) => arg !== '-h' && arg !== '--help'); // the list is the help
            await parserOf(await this.command('list')).parseAsync(['list', ...options], { from: 'user' });
        }
    }
}

/** A parser that knows this command alone. */
function parserOf(command: Command): Parser {
    const program = new Parser('./artisan')
        .option('-v, --verbose', 'show the stack of an error')
        .configureHelp({ showGlobalOptions: true })
        .configureOutput({ writeErr: () => {} })
        .showSuggestionAfterError(false)
        .helpCommand(false)
        .exitOverride((error) => {
            throw error.exitCode === 0 ? error : usageError(error, parser);
        });
    const parser = program.command(command.signature).description(command.description);
    for (const { flag, description, default: value } of command.options) {
        parser.option(flag, description, value);
    }
    parser.action(() => command.handle({ arguments: parser.args, options: parser.opts() }));
    return program;
}

/** Commander's words, with the nearest name it knows or where to look. */
function usageError(error: CommanderError, parser: Parser): UsageError {
    const [words = ''] = error.message.replace(/^error: /, '').split('. ');
    const [, flag = ''] = error.code === 'commander.unknownOption' ? (/'(.+)'/.exec(words) ?? []) : [];
    const known = [...parser.options, ...(parser.parent?.options ?? [])].map(({ long }) => long ?? '');
    const near = flag && nearest(flag, known);
    const hint = near ? `did you mean ${near}?` : `./artisan ${parser.name()} --help shows how it is used.`;
    return new UsageError(`${words.charAt(0).toUpperCase()}${words.slice(1)}: ${hint}`, { cause: error });
}

function sentenceOf(error: unknown): string {
    const { message } = toError(error);
    return error instanceof ConfigError ? message : `${message} (-v shows where it happened)`;
}

/** A reader that has seen enough, such as `head`, closes the pipe: that is no error. */
function leaveToReader(error: NodeJS.ErrnoException): void {
    if (error.code !== 'EPIPE') {
        throw error;
    }
}
