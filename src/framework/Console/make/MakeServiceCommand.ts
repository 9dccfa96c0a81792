import { MakeCommand, type NextStep } from './MakeCommand.js';
import type { Target } from './Target.js';

const PROVIDER = 'src/app/Providers/AppServiceProvider.ts';

export class MakeServiceCommand extends MakeCommand {
    public readonly signature = 'make:service <name>';
    public readonly description = 'Writes a service, and shows how it is bound';
    protected readonly path = 'services';
    protected readonly suffix = '';

    protected content(target: Target): string {
        return `import { Logger } from '${target.pathTo('src/framework/index.ts')}';

export default class ${target.name} {
    /** What it needs, it is given by the provider that binds it. */
    public constructor(private readonly logger: Logger) {}

    public async run(): Promise<void> {
        this.logger.info('${target.name} runs');
    }
}
`;
    }

    protected next(target: Target): NextStep[] {
        const { name } = target;
        return [
            {
                file: `${PROVIDER}, with Logger imported from the framework`,
                lines: [
                    target.importLine(PROVIDER),
                    '',
                    '// in register()',
                    `this.app.container.singleton(${name}, () => new ${name}(this.app.container.make(Logger)));`,
                ],
            },
            { file: 'a class that has the application', lines: [`await this.app.container.make(${name}).run();`] },
        ];
    }
}
