import { MakeCommand, type NewClass, type NextStep } from './MakeCommand.js';

export class MakeProviderCommand extends MakeCommand {
    public readonly signature = 'make:provider <name>';
    public readonly description = 'Writes a service provider';
    protected readonly kind = {
        noun: 'provider',
        suffixes: ['ServiceProvider', 'Provider'],
        example: 'MailServiceProvider',
        taken: ['Http', 'Logging', 'Session'],
    };
    protected readonly path = 'providers';

    protected contentOf({ name, stem }: NewClass): string {
        return `import { Logger, ServiceProvider } from 'sosise';

export default class ${name} extends ServiceProvider {
    /** Only bind here: this.app.container.singleton(Mailer, () => new Mailer()); */
    public override register(): void {}

    /** Everything is bound by now, and may be asked for. shutdown() undoes what is done here. */
    public override boot(): void {
        this.app.container.make(Logger).debug('${stem} is ready');
    }
}
`;
    }

    protected nextSteps(made: NewClass): NextStep[] {
        const providers = this.source('bootstrap/providers.ts');
        return [
            { where: `into ${this.shown(providers)}`, lines: [this.importInto(providers, made)] },
            { where: 'into its list, in the order they are to boot', lines: [`    ${made.name},`] },
        ];
    }
}
