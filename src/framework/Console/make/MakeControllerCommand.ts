import { MakeCommand, type NextStep } from './MakeCommand.js';
import { kebabCase } from './names.js';
import type { Target } from './Target.js';

const ROUTES = 'src/routes/api.ts';

export class MakeControllerCommand extends MakeCommand {
    public readonly signature = 'make:controller <name>';
    public readonly description = 'Writes a controller, and shows its route';
    protected readonly path = 'controllers';
    protected readonly suffix = 'Controller';

    protected content({ name }: Target): string {
        return `import { Request, Response } from 'express';

export default class ${name} {
    public async index(request: Request, response: Response) {
        return response.json({ code: 1000, message: '${name} answers', data: null });
    }
}
`;
    }

    protected next(target: Target): NextStep[] {
        const { folders, stem } = target.className;
        const path = [...folders, stem].map(kebabCase).join('/');
        const route = `router.get('/${path}', action(${target.name}, 'index'));`;
        return [{ file: ROUTES, lines: [target.importLine(ROUTES), '', route] }];
    }
}
