import type { NextStep } from './Generator.js';
import { MakeCommand, type NewClass } from './MakeCommand.js';

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

    protected nextSteps(made: NewClass): NextStep[] {
        const providers = this.source('bootstrap/providers.ts');
        return [
            { where: `into ${this.shown(providers)}`, lines: [this.importInto(providers, made)] },
            { where: 'into its list, in the order they are to boot', lines: [`    ${made.name},`] },
        ];
    }
}
