import type { NextStep } from './Generator.js';
import { MakeCommand, type NewClass } from './MakeCommand.js';

export class MakeServiceCommand extends MakeCommand {
    public readonly signature = 'make:service <name>';
    public readonly description = 'Writes a service, for the container to give out';
    protected readonly kind = { noun: 'service', suffixes: [], example: 'Mailer' };
    protected readonly path = 'services';

    protected nextSteps(made: NewClass): NextStep[] {
        const provider = this.appProvider;
        const line = `        this.app.container.singleton(${made.name}, () => new ${made.name}());`;
        return [
            { where: `into ${this.shown(provider)}`, lines: [this.importInto(provider, made)] },
            { where: 'into its register()', lines: [line] },
        ];
    }
}
