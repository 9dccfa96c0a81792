import { MakeCommand, type NextStep } from './MakeCommand.js';
import type { Target } from './Target.js';

const ROUTES = 'src/routes/api.ts';

export class MakeMiddlewareCommand extends MakeCommand {
    public readonly signature = 'make:middleware <name>';
    public readonly description = 'Writes a middleware, and shows where it is listed';
    protected readonly path = 'middlewares';
    protected readonly suffix = 'Middleware';

    protected content(target: Target): string {
        return `import { NextFunction, Request, Response } from 'express';
import { Middleware } from '${target.pathTo('src/framework/index.ts')}';

export default class ${target.name} implements Middleware {
    /** Call next() to go on, next(error) to refuse, or answer here. */
    public async handle(request: Request, response: Response, next: NextFunction) {
        next();
    }
}
`;
    }

    protected next(target: Target): NextStep[] {
        const kernel = `${target.folder}/Kernel.ts`;
        return [
            {
                file: `${kernel}, for every route`,
                lines: [target.importLine(kernel), '', `${target.name}, // in the list`],
            },
            {
                file: `${ROUTES}, for one route`,
                lines: [
                    target.importLine(ROUTES),
                    '',
                    `router.get('/', middleware(${target.name}), action(IndexController, 'index'));`,
                ],
            },
        ];
    }
}
