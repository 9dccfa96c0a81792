import { MakeCommand, type NextStep } from './MakeCommand.js';
import type { Target } from './Target.js';

const PROVIDERS = 'src/bootstrap/providers.ts';

export class MakeProviderCommand extends MakeCommand {
    public readonly signature = 'make:provider <name>';
    public readonly description = 'Writes a service provider, and shows where it is listed';
    protected readonly path = 'providers';
    protected readonly suffix = 'ServiceProvider';

    protected content(target: Target): string {
        return `import { ServiceProvider } from '${target.pathTo('src/framework/index.ts')}';

export default class ${target.name} extends ServiceProvider {
    /** Bind, and nothing else: this.app.container.singleton(Mailer, () => new Mailer()). */
    public override register(): void {}

    /** Everything is bound: wire it together. */
    public override boot(): void {}

    /** Undo what boot() did. */
    public override shutdown(): void {}
}
`;
    }

    protected next(target: Target): NextStep[] {
        return [
            {
                file: PROVIDERS,
                lines: [target.importLine(PROVIDERS), '', `${target.name}, // in the list, before AppServiceProvider`],
            },
        ];
    }
}
