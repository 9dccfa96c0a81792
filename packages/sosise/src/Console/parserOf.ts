import { type CommanderError, InvalidArgumentError, Option, Command as Parser } from 'commander';
import { toError } from '../Exceptions/thrown.js';
import { nearest } from '../Support/nearest.js';
import type { Command, CommandOption } from './Command.js';
import { CommandError } from './CommandError.js';
import { UsageError } from './UsageError.js';

/** A parser that knows this command alone. */
export function parserOf(command: Command): Parser {
    const program = new Parser('./artisan')
        .option('-v, --verbose', 'show the stack of an error')
        .configureHelp({ showGlobalOptions: true })
        .configureOutput({ writeErr: () => {} })
        .showSuggestionAfterError(false)
        .helpCommand(false)
        .exitOverride((error) => {
            throw error.exitCode === 0 ? error : usageError(error, parser);
        });
    const parser = declared(command, program);
    parser.action(() => command.handle({ arguments: parser.args, options: parser.opts() }));
    return program;
}

/** The command with its arguments and options. Throws a ConfigError where they can't be read. */
function declared(command: Command, program: Parser): Parser {
    try {
        const parser = program.command(command.signature).description(command.description);
        for (const option of command.options) {
            parser.addOption(optionOf(option));
        }
        return parser;
    } catch (cause) {
        const name = command.signature.split(' ')[0];
        throw new CommandError(
            `The signature or an option of [${name}] can't be read (${toError(cause).message}): write "${name} <needed> [optional]", and flags such as "-l, --limit <number>".`,
            { cause },
        );
    }
}

function optionOf({ flag, description, default: value, choices, min }: CommandOption): Option {
    const option = new Option(flag, choices ? `${description}: ${choices.join(', ')}` : description).default(value);
    if (choices) {
        option.argParser((given: string) => choiceOf(given, choices));
    } else if (min !== undefined) {
        option.argParser((given: string) => numberOf(given, min));
    }
    return option;
}

function choiceOf(given: string, choices: readonly string[]): string {
    if (choices.includes(given)) {
        return given;
    }
    const near = nearest(given, choices);
    throw new InvalidArgumentError(near ? `did you mean ${near}?` : `it takes ${choices.join(', ')}.`);
}

function numberOf(given: string, min: number): number {
    const number = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
    if (number >= min) {
        return number;
    }
    throw new InvalidArgumentError(`it takes a whole number from ${min} on.`);
}

/** Commander's words, with the nearest name it knows or where to look. */
function usageError(error: CommanderError, parser: Parser): UsageError {
    const message = error.message.replace(/^error: /, '');
    const refused = /^option '(.+?)(?: <.*)?' argument '(.*)' is invalid\. (.*)$/s.exec(message);
    if (refused) {
        const [, flag = '', value, hint] = refused;
        return new UsageError(`${flag.split(', ').at(-1)} can't be '${value}': ${hint}`, { cause: error });
    }
    const [words = ''] = message.split('. ');
    const [, flag = ''] = error.code === 'commander.unknownOption' ? (/'(.+)'/.exec(words) ?? []) : [];
    const known = [...parser.options, ...(parser.parent?.options ?? [])].map(({ long }) => long ?? '');
    const near = flag && nearest(flag, known);
    const hint = near ? `did you mean ${near}?` : `./artisan ${parser.name()} --help shows how it is used.`;
    return new UsageError(`${words.charAt(0).toUpperCase()}${words.slice(1)}: ${hint}`, { cause: error });
}
