import { frameworkCommands } from '../commands.js';
import { importPath } from './importPath.js';
import { MakeCommand, type NewClass, type NextStep } from './MakeCommand.js';

export class MakeCommandCommand extends MakeCommand {
    public readonly signature = 'make:command <name>';
    public readonly description = 'Writes a command for this console';
    protected readonly kind = { noun: 'command', suffixes: ['Command'], example: 'SendReportCommand' };
    protected readonly path = 'commands';

    protected contentOf(made: NewClass): string {
        const { name, framework } = made;
        return `import { Command, CommandInput } from '${framework.replace('index.js', 'console.js')}';

export default class ${name} extends Command {
    public readonly signature = '${consoleNameOf(made)} [name]';
    public readonly description = 'Greets, and writes it to the log';
    public override readonly options = [
        { flag: '--times <number>', description: 'how often', default: 1, min: 1 }, // given as a number
        { flag: '--loud', description: 'in capital letters' },
    ];

    public async handle({ arguments: [name = 'world'], options }: CommandInput): Promise<void> {
        // Loaded here: ./artisan list loads this file too, and needs none of it.
        const { Logger } = await import('${framework}');
        // Your application, booted. It is taken down when this method has ended.
        const { container } = await this.app();
        const greeting = options['loud'] ? \`HELLO, \${name.toUpperCase()}!\` : \`Hello, \${name}\`;
        for (let time = 0; time < Number(options['times']); time += 1) {
            this.line(greeting);
        }
        container.make(Logger).info('Greeted', { name });
    }
}
`;
    }

    protected nextSteps(made: NewClass): NextStep[] {
        const kernel = this.source('app/Console/Kernel.ts');
        const line = `    '${consoleNameOf(made)}': () => import('${importPath(kernel, made.file)}'),`;
        return [{ where: `into the list of ${this.shown(kernel)}`, lines: [line] }];
    }
}

/** `SendReport` is `report:send`. What has one word, or is the name of a command of the framework, goes to the group `app`. */
function consoleNameOf({ words }: NewClass): string {
    const [verb = '', ...object] = words;
    const name = `${object.join('-')}:${verb}`;
    return object.length === 0 || Object.hasOwn(frameworkCommands, name) ? `app:${words.join('-')}` : name;
}
