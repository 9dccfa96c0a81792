import { Command } from './Command.js';

/** What `./artisan` prints when it is not told what to do. */
export class ListCommand extends Command {
    public readonly signature = 'list';
    public readonly description = 'Lists the commands';

    public async handle(): Promise<void> {
        const names = Object.keys(await this.artisan.commands()).sort();
        const width = Math.max(...names.map((name) => name.length));
        const lines = ['Usage: ./artisan COMMAND [OPTIONS]', '       ./artisan COMMAND --help'];
        // '' sorts first: the commands without a group.
        for (const group of [...new Set(names.map(groupOf))].sort()) {
            lines.push('', ...(group ? [this.terminal.paint('yellow', group)] : []));
            for (const name of names.filter((other) => groupOf(other) === group)) {
                const { description } = await this.artisan.command(name);
                lines.push(`  ${this.terminal.paint('green', name.padEnd(width))}  ${description}`);
            }
        }
        this.line(lines.join('\n'));
    }
}

/** The part of a name before its colon. */
function groupOf(name: string): string {
    return name.includes(':') ? name.slice(0, name.indexOf(':')) : '';
}
