import { importPath } from './importPath.js';
import { MakeCommand, type NewClass, type NextStep } from './MakeCommand.js';

export class MakeCommandCommand extends MakeCommand {
    public readonly signature = 'make:command <name>';
    public readonly description = 'Writes a command for this console';
    protected readonly kind = { noun: 'command', suffixes: ['Command'], example: 'SendReportCommand' };
    protected readonly path = 'commands';

    protected contentOf(made: NewClass): string {
        const { name } = made;
        const signature = this.consoleNameOf(made);
        return `import { Command, CommandInput } from 'sosise/console';

export default class ${name} extends Command {
    // Arguments stand behind the name: '${signature} <needed> [optional]'.
    public readonly signature = '${signature}';
    public readonly description = 'Says in ./artisan list what it does';
    public override readonly options = [{ flag: '--dry-run', description: 'change nothing' }];

    public async handle({ options }: CommandInput): Promise<void> {
        // Your application, booted: container.make() gives its services. It is taken down when this method has ended.
        const { environment } = await this.app();
        this.line(\`\${options['dryRun'] ? 'Would run' : 'Ran'} in \${environment.name}.\`);
    }
}
`;
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
