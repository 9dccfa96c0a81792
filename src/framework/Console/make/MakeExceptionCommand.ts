import { MakeCommand, type NextStep } from './MakeCommand.js';
import type { Target } from './Target.js';

export class MakeExceptionCommand extends MakeCommand {
    public readonly signature = 'make:exception <name>';
    public readonly description = 'Writes an exception with a status and a code';
    protected readonly path = 'exceptions';
    protected readonly suffix = 'Exception';

    protected content(target: Target): string {
        return `import { Exception } from '${target.pathTo('src/framework/index.ts')}';

export default class ${target.name} extends Exception {
    /** status is the answer's; code and data are what the client finds in the envelope. */
    public constructor(data: unknown = null) {
        super('Say here what the visitor is to read', { status: 422, code: 3000, data });
    }
}
`;
    }

    protected next(target: Target): NextStep[] {
        const controller = 'src/app/Http/Controllers/IndexController.ts';
        return [
            {
                file: 'any controller, service or middleware',
                lines: [target.importLine(controller), '', `throw new ${target.name}();`],
            },
        ];
    }
}
