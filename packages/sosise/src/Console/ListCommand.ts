import { Command, type CommandInput } from './Command.js';
import type { ListedCommand } from './Console.js';
import { errorTerminal } from './Terminal.js';

/** What `./artisan` prints when it is not told what to do. */
export class ListCommand extends Command {
    public readonly signature = 'list';
    public readonly description = 'Lists the commands';
    public override readonly options = [{ flag: '--json', description: 'print them as JSON' }];

    public async handle({ options }: CommandInput): Promise<void> {
        const { commands, problem } = await this.artisan.listed();
        if (options['json']) {
            this.terminal.json(commands);
            if (problem) {
                errorTerminal.line(problem);
            }
            return;
        }
        const width = Math.max(...commands.map(({ name }) => name.length));
        const lines = ['Usage: ./artisan COMMAND [OPTIONS]', '       ./artisan COMMAND --help'];
        // '' sorts first: the commands without a group.
        for (const group of [...new Set(commands.map(groupOf))].sort()) {
            lines.push('', ...(group ? [this.terminal.paint('yellow', group)] : []));
            for (const command of commands.filter((other) => groupOf(other) === group)) {
                lines.push(this.lineOf(command, width));
            }
        }
        if (problem) {
            lines.push('', this.terminal.paint('red', problem));
        }
        this.line(lines.join('\n'));
    }

    private lineOf({ name, description, problem }: ListedCommand, width: number): string {
        const text = problem === undefined ? description : this.terminal.paint('red', `can't be loaded: ${problem}`);
        return `  ${this.terminal.paint('green', name.padEnd(width))}  ${text}`;
    }
}

/** The part of a name before its colon. */
function groupOf({ name }: ListedCommand): string {
    return name.includes(':') ? name.slice(0, name.indexOf(':')) : '';
}
