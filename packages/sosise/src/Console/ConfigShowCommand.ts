import { isPlainObject } from '../Support/isPlainObject.js';
import { masked, type Plain } from '../Support/masked.js';
import { isSecretName } from '../Support/secretNames.js';
import { Command, type CommandInput } from './Command.js';
import { unknownName } from './UsageError.js';

/** The configuration as the application has it: defaults, files and variables together. */
export class ConfigShowCommand extends Command {
    public readonly signature = 'config:show [file]';
    public readonly description = 'Shows the configuration, or a part of it such as session.cookie; secrets are masked';
    public override readonly options = [{ flag: '--json', description: 'print it as JSON' }];

    public async handle({ arguments: [path], options }: CommandInput): Promise<void> {
        // Without what the console lays over the config: its log goes to the files alone.
        const { config } = await this.artisan.application({ logging: {} });
        const all = Object.fromEntries(config.names().map((name) => [name, config.get(name)]));
        const shown = path === undefined ? masked(all) : partOf(all, path);
        if (options['json']) {
            this.terminal.json(shown);
        } else if (path === undefined) {
            this.printFiles(shown as Record<string, Plain>);
        } else {
            this.printPart(path, shown);
        }
    }

    private printFiles(files: Record<string, Plain>): void {
        for (const [index, [name, value]] of Object.entries(files).entries()) {
            if (index > 0) {
                this.line();
            }
            this.printPart(name, value);
        }
    }

    private printPart(path: string, value: Plain): void {
        const lines = linesOf(value);
        if (lines.length === 1 && lines[0]?.[0] === '') {
            this.line(lines[0][1]);
            return;
        }
        this.line(this.terminal.paint('yellow', path));
        this.terminal.pairs(lines);
    }
}

/** The value at a path such as `session.cookie`, masked. Throws a UsageError that names the nearest. */
function partOf(all: Record<string, unknown>, path: string): Plain {
    let value: unknown = all;
    let hidden = false;
    let name = '';
    const steps = path.split('.');
    for (const [index, step] of steps.entries()) {
        if (!hasKey(value, step)) {
            const before = steps.slice(0, index).map((above) => `${above}.`);
            const known = keysOf(value).map((key) => before.join('') + key);
            throw unknownName('configuration', path, known.length > 0 ? known : Object.keys(all));
        }
        hidden ||= isSecretName(name);
        name = step;
        value = (value as Record<string, unknown>)[step];
    }
    return masked(value, name, hidden);
}

function keysOf(value: unknown): string[] {
    return isPlainObject(value) || Array.isArray(value) ? Object.keys(value) : [];
}

function hasKey(value: unknown, key: string): boolean {
    return keysOf(value).includes(key);
}

/** A line for each value, under its path: `cookie.maxAge`. A list of plain values is one line. */
function linesOf(value: Plain, path = ''): [path: string, value: string][] {
    if (typeof value === 'object' && value !== null && !isSimpleList(value)) {
        const entries = Object.entries(value);
        return entries.length === 0
            ? [[path, '{}']]
            : entries.flatMap(([key, part]) => linesOf(part, path === '' ? key : `${path}.${key}`));
    }
    return [[path, inWords(value)]];
}

function isSimpleList(value: object): boolean {
    return Array.isArray(value) && value.every((item) => typeof item !== 'object' || item === null);
}

function inWords(value: Plain): string {
    if (Array.isArray(value)) {
        return `[${value.map(inWords).join(', ')}]`;
    }
    return JSON.stringify(value);
}
