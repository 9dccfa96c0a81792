import { join } from 'node:path';
import type { NextStep, Values } from './Generator.js';
import { MakeCommand, type NewClass } from './MakeCommand.js';

export class MakeExceptionCommand extends MakeCommand {
    public readonly signature = 'make:exception <name>';
    public readonly description = 'Writes an exception';
    protected readonly kind = { noun: 'exception', suffixes: ['Exception'], example: 'CardDeclinedException' };
    protected readonly path = 'exceptions';

    protected override valuesOf({ words }: NewClass): Values {
        const [first = '', ...rest] = words;
        return { title: [first.charAt(0).toUpperCase() + first.slice(1), ...rest].join(' ') };
    }

    protected nextSteps(made: NewClass): NextStep[] {
        const { controllers } = this.artisan.manifest.paths;
        const lines = [this.importInto(join(controllers, 'AnyController.ts'), made), '', `throw new ${made.name}();`];
        return [{ where: `where it is to be thrown, as in a controller in ${this.shown(controllers)}`, lines }];
    }
}
