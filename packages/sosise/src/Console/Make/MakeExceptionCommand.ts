import { join } from 'node:path';
import { MakeCommand, type NewClass, type NextStep } from './MakeCommand.js';

export class MakeExceptionCommand extends MakeCommand {
    public readonly signature = 'make:exception <name>';
    public readonly description = 'Writes an exception';
    protected readonly kind = { noun: 'exception', suffixes: ['Exception'], example: 'CardDeclinedException' };
    protected readonly path = 'exceptions';

    protected contentOf({ name, words }: NewClass): string {
        const [first = '', ...rest] = words;
        const title = [first.charAt(0).toUpperCase() + first.slice(1), ...rest].join(' ');
        return `import { Exception } from 'sosise';

export default class ${name} extends Exception {
    /** The visitor reads { code, message, data }; with a status from 500 on, the message is for the log. */
    public constructor(data: unknown = null) {
        super('${title}', { status: 422, code: 3000, data });
    }
}
`;
    }

    protected nextSteps(made: NewClass): NextStep[] {
        const { controllers } = this.artisan.manifest.paths;
        const lines = [this.importInto(join(controllers, 'AnyController.ts'), made), '', `throw new ${made.name}();`];
        return [{ where: `where it is to be thrown, as in a controller in ${this.shown(controllers)}`, lines }];
    }
}
