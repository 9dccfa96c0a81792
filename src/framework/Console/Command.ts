import type { Artisan } from './Artisan.js';

/** An option of a command; `flag` as commander writes it: `--force`, or `-l, --limit <number>`. */
export interface CommandOption {
    readonly flag: string;
    /** One line for the command's help. */
    readonly description: string;
    readonly default?: string | boolean;
}

/** What a command was called with. */
export interface CommandInput {
    /** In the order of the signature. */
    readonly arguments: readonly string[];
    /** By name in camel case: `--dry-run` is `dryRun`. */
    readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

/** A command of the console: what it is called, and what it does. */
export abstract class Command {
    /** Its name, and its arguments behind it: `make:controller <name>`. */
    public abstract readonly signature: string;
    /** One line for the list. */
    public abstract readonly description: string;
    public readonly options: readonly CommandOption[] = [];

    public constructor(protected readonly artisan: Artisan) {}

    /** Does the work. What it throws is printed as one sentence, and ends the process with 1. */
    public abstract handle(input: CommandInput): void | Promise<void>;

    /** Prints a line. */
    protected line(text = ''): void {
        process.stdout.write(`${text}\n`);
    }
}

export type CommandClass = new (artisan: Artisan) => Command;

/** Commands by name. Each is loaded when it is run, or listed. */
export type CommandList = Readonly<Record<string, () => Promise<CommandClass>>>;
