import type { NextStep, Values } from './Generator.js';
import { importPath } from './importPath.js';
import { MakeCommand, type NewClass } from './MakeCommand.js';

export class MakeCommandCommand extends MakeCommand {
    public readonly signature = 'make:command <name>';
    public readonly description = 'Writes a command for this console';
    protected readonly kind = { noun: 'command', suffixes: ['Command'], example: 'SendReportCommand' };
    protected readonly path = 'commands';

    protected override valuesOf(made: NewClass): Values {
        return { signature: this.consoleNameOf(made) };
    }

    protected nextSteps(made: NewClass): NextStep[] {
        const kernel = this.source('app/Console/Kernel.ts');
        const line = `    '${this.consoleNameOf(made)}': () => import('${importPath(kernel, made.file)}'),`;
        return [{ where: `into the list of ${this.shown(kernel)}`, lines: [line] }];
    }

    /** `SendReport` is `report:send`. What has one word, or is the name of a command of the framework, goes to the group `app`. */
    private consoleNameOf({ words }: NewClass): string {
        const [verb = '', ...object] = words;
        const name = `${object.join('-')}:${verb}`;
        const isTaken = object.length === 0 || this.artisan.frameworkCommands.includes(name);
        return isTaken ? `app:${words.join('-')}` : name;
    }
}
