import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import type { Console } from './Console.js';
import { terminal } from './Terminal.js';

/** An option of a command; `flag` as commander writes it: `--force`, or `-l, --limit <number>`. */
export interface CommandOption {
    readonly flag: string;
    /** One line for the command's help. */
    readonly description: string;
    readonly default?: string | number | boolean;
    /** The values that it takes; any other is wrong use, and the nearest is named. */
    readonly choices?: readonly string[];
    /** It takes a whole number from this one on, and is given as a number. */
    readonly min?: number;
}

/** What a command was called with. */
export interface CommandInput {
    /** In the order of the signature. */
    readonly arguments: readonly string[];
    /** By name in camel case: `--dry-run` is `dryRun`. */
    readonly options: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** A command of the console: what it is called, and what it does. */
export abstract class Command {
    /** Its name, and its arguments behind it: `report:send <address> [day]`. */
    public abstract readonly signature: string;
    /** One line for the list. */
    public abstract readonly description: string;
    public readonly options: readonly CommandOption[] = [];
    /** What begins with a dash and looks like this is an argument, and no option. */
    public readonly dashedArgument: RegExp | undefined = undefined;
    protected readonly terminal = terminal;

    public constructor(protected readonly artisan: Console) {}

    /** Does the work. What it throws is printed as one sentence, and ends the process with 1. */
    public abstract handle(input: CommandInput): void | Promise<void>;

    /** Prints a line. */
    protected line(text = ''): void {
        this.terminal.line(text);
    }

    /** The application, booted, with its container at hand. It is taken down when the command has ended. */
    protected app(): Promise<ApplicationKernel> {
        return this.artisan.booted();
    }

    /**
     * Aborts at Ctrl-C or SIGTERM, and when nobody reads the output any more: a command that looks at it can end at a safe
     * place. A second signal ends the process at once, as the first does where nothing asks for this.
     */
    protected get signal(): AbortSignal {
        return this.artisan.signal;
    }

    /** Whether the signal aborts because nobody reads the output any more: `| head` has seen enough. */
    protected get isUnread(): boolean {
        return this.artisan.isUnread;
    }
}

export type CommandClass = new (artisan: Console) => Command;

/** Commands by name. Each is loaded when it is run, or listed: as a class, or as a module whose default export is one. */
export type CommandList = Readonly<Record<string, () => Promise<CommandClass | { default: CommandClass }>>>;
