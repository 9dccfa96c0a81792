import { MakeCommand, type NextStep } from './MakeCommand.js';
import { kebabCase } from './names.js';
import { importPath, type Target } from './Target.js';

const KERNEL = 'src/app/Console/Kernel.ts';

export class MakeCommandCommand extends MakeCommand {
    public readonly signature = 'make:command <name>';
    public readonly description = 'Writes a command for this console, and shows where it is listed';
    protected readonly path = 'commands';
    protected readonly suffix = 'Command';

    protected content(target: Target): string {
        return `import { Command, CommandInput } from '${target.pathTo('src/framework/console.ts')}';

export default class ${target.name} extends Command {
    /** Its name, then its arguments: <required> or [optional]. */
    public readonly signature = '${commandOf(target)} [name]';
    public readonly description = 'Say here in one line what it is for';
    public override readonly options = [{ flag: '--dry-run', description: 'change nothing' }];

    /** What it throws is printed as one sentence, and the exit code is 1. */
    public async handle({ arguments: [name = 'world'], options }: CommandInput): Promise<void> {
        const app = await this.app(); // booted: app.container.make() gives what providers have bound
        this.line(\`\${app.environment.name}: hello, \${name}\${options['dryRun'] ? ' (nothing was changed)' : ''}.\`);
    }
}
`;
    }

    protected next(target: Target): NextStep[] {
        const line = `'${commandOf(target)}': () => import('${importPath(KERNEL, target.file)}'),`;
        return [{ file: `${KERNEL}, in the list`, lines: [line] }];
    }
}

/** `Reports/SendCommand` is `reports:send`, `SendCommand` is `app:send`. */
function commandOf({ className: { folders, stem } }: Target): string {
    return [kebabCase(folders.join('-') || 'app'), kebabCase(stem)].join(':');
}
