import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { NextStep } from './Generator.js';
import { MakeCommand, type NewClass } from './MakeCommand.js';

export class MakeMiddlewareCommand extends MakeCommand {
    public readonly signature = 'make:middleware <name>';
    public readonly description = 'Writes a middleware';
    protected readonly kind = { noun: 'middleware', suffixes: ['Middleware'], example: 'LanguageMiddleware' };
    protected readonly path = 'middlewares';

    protected nextSteps(made: NewClass): NextStep[] {
        const beside = join(this.artisan.manifest.paths.middlewares, 'Kernel.ts');
        const kernel = existsSync(beside) ? beside : this.source('app/Http/Middlewares/Kernel.ts');
        const routes = this.source('routes/api.ts');
        return [
            { where: `into ${this.shown(kernel)}`, lines: [this.importInto(kernel, made)] },
            { where: 'into its list, in the order they are to run, for all routes', lines: [`    ${made.name},`] },
            {
                where: `into ${this.shown(routes)} instead, for a group of routes, or for one`,
                lines: [
                    "import { middleware } from 'sosise';",
                    this.importInto(routes, made),
                    '',
                    `router.use('/admin', middleware(${made.name})); // above the routes that begin with /admin`,
                    `router.get('/', middleware(${made.name}), action(IndexController, 'index'));`,
                ],
            },
        ];
    }
}
