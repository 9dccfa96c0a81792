import { toError } from '../Exceptions/thrown.js';
import { nearest } from '../Support/nearest.js';
import { Command, type CommandClass, type CommandList } from './Command.js';
import { CommandError } from './CommandError.js';
import type { Console, ListedCommand } from './Console.js';
import { parserOf } from './parserOf.js';
import { UsageError } from './UsageError.js';

/** The list of a user's own commands. */
export const OWN_LIST = 'src/app/Console/Kernel.ts';

export interface OwnCommands {
    /** Loads src/app/Console/Kernel.ts. */
    load(): Promise<{ default: CommandList }>;
    /** Runs before any of them is loaded, as their files may read variables. */
    prepare(): void;
}

/**
 * The framework's commands and a user's own. Own ones win: one that comes with a newer framework must not take the place
 * of the one that scripts call by this name. Those of the framework run without the user's list too, where that is broken.
 */
export class CommandRegistry {
    private own: Promise<{ list: CommandList; failure?: Error }> | undefined;

    public constructor(
        private readonly artisan: Console,
        private readonly framework: CommandList,
        private readonly given: OwnCommands | undefined,
        private readonly warn: (message: string) => void,
    ) {}

    /** All commands by what loads them. */
    public async all(): Promise<CommandList> {
        return { ...this.framework, ...(await this.loadOwn()).list };
    }

    /** A command by its name, loaded now. Throws a UsageError where there is none. */
    public async find(name: string): Promise<Command> {
        const { list, failure } = await this.loadOwn();
        if (Object.hasOwn(list, name)) {
            return this.load(name, list);
        }
        if (Object.hasOwn(this.framework, name)) {
            if (failure && name !== 'list') {
                this.warn(`${failure.message} It may have a ${name} of yours: this is the framework's.`);
            }
            return this.load(name, this.framework);
        }
        if (failure) {
            throw failure;
        }
        throw unknownCommand(name, Object.keys(await this.all()));
    }

    /** All commands by name, those too that can't be loaded, and what is wrong with the user's list. */
    public async listed(): Promise<{ commands: ListedCommand[]; problem?: string }> {
        const all = await this.all();
        const names = Object.keys(all).sort();
        const commands = await Promise.all(names.map((name) => this.describe(name, all)));
        const { failure } = await this.loadOwn();
        return failure ? { commands, problem: oneLine(failure.message) } : { commands };
    }

    private async describe(name: string, from: CommandList): Promise<ListedCommand> {
        try {
            const command = await this.load(name, from);
            parserOf(command);
            return { name, description: oneLine(command.description) };
        } catch (error) {
            return { name, description: '', problem: oneLine(toError(error).message) };
        }
    }

    private loadOwn(): Promise<{ list: CommandList; failure?: Error }> {
        this.own ??= this.readOwn();
        return this.own;
    }

    private async readOwn(): Promise<{ list: CommandList; failure?: Error }> {
        try {
            const list: unknown = (await this.given?.load())?.default ?? {};
            if (typeof list !== 'object') {
                throw new CommandError('it exports no list of commands by default.');
            }
            return { list: list as CommandList };
        } catch (cause) {
            const message = `${OWN_LIST} can't be loaded: ${sentence(toError(cause).message)}`;
            return { list: {}, failure: new CommandError(message, { cause }) };
        }
    }

    private async load(name: string, from: CommandList): Promise<Command> {
        const isOwn = from[name] !== this.framework[name];
        if (isOwn) {
            this.given?.prepare();
        }
        const load: unknown = from[name];
        if (typeof load !== 'function') {
            throw new CommandError(noCommand(name));
        }
        const loaded = (await load()) as CommandClass | { default?: CommandClass } | undefined;
        const Class: unknown = typeof loaded === 'object' ? loaded?.default : loaded;
        if (typeof Class !== 'function' || !(Class.prototype instanceof Command)) {
            throw new CommandError(noCommand(name));
        }
        return checked(name, new (Class as CommandClass)(this.artisan));
    }
}

function noCommand(name: string): string {
    return `The command [${name}] is no class that extends Command: in ${OWN_LIST} give it () => import('./Commands/…Command.js'), a file with export default class … extends Command.`;
}

/** What the types demand, for projects that run without having been compiled. */
function checked(name: string, command: Command): Command {
    const { signature, description } = command as Partial<Command>;
    if (typeof signature !== 'string' || signature.split(' ')[0] !== name) {
        throw new CommandError(
            `The command [${name}] says that its signature is [${signature}]: use the same name there and in ${OWN_LIST}.`,
        );
    }
    if (typeof description !== 'string' || typeof command.handle !== 'function') {
        const missing = typeof description === 'string' ? 'a method handle' : 'a description';
        throw new CommandError(`The command [${name}] has no ${missing.slice(2)}: give its class ${missing}.`);
    }
    return command;
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

function oneLine(text: string): string {
    return text.trim().replace(/\s*\n\s*/g, ' ');
}

function sentence(text: string): string {
    const line = oneLine(text);
    return /[.?!]$/.test(line) ? line : `${line}.`;
}
