import type { ListedRoute } from '../Http/routesOf.js';
import { Command, type CommandInput } from './Command.js';

/** The routes of the application, as its providers have added them. */
export class RouteListCommand extends Command {
    public readonly signature = 'route:list';
    public readonly description = 'Lists the routes, with what answers them and what runs before';
    public override readonly options = [
        { flag: '--stages', description: 'list the stages of the pipeline instead, which every request passes' },
        { flag: '--json', description: 'print them as JSON' },
    ];

    public async handle({ options }: CommandInput): Promise<void> {
        const app = await this.artisan.wired();
        const [{ HttpPipeline }, { routesOf, middlewareName, isRouter }] = await Promise.all([
            import('../Http/HttpPipeline.js'),
            import('../Http/routesOf.js'),
        ]);
        const pipeline = app.container.make(HttpPipeline);
        const stages = pipeline.list().map(({ name, handlers }) => ({
            name,
            handlers: handlers.map((handler) => (isRouter(handler) ? 'a router' : middlewareName(handler))),
        }));
        if (options['stages']) {
            this.printStages(stages, options['json'] === true);
            return;
        }
        const routes = routesOf(pipeline);
        if (options['json']) {
            this.terminal.json(routes);
            return;
        }
        this.printRoutes(routes);
        const middlewares = stages.find(({ name }) => name === 'middlewares')?.handlers ?? [];
        this.line(`\nBefore all of your routes: ${middlewares.join(', ') || 'nothing of yours'}`);
    }

    private printRoutes(routes: readonly ListedRoute[]): void {
        this.terminal.table(
            ['Method', 'Path', 'Handler', 'Middleware'],
            routes.map(({ method, path, handler, middleware }) => [
                this.terminal.paint(METHOD_COLOURS[method] ?? 'yellow', method),
                path,
                handler,
                middleware.join(', '),
            ]),
        );
    }

    private printStages(stages: readonly { name: string | undefined; handlers: string[] }[], json: boolean): void {
        if (json) {
            this.terminal.json(stages.map(({ name, handlers }) => ({ name: name ?? null, handlers })));
            return;
        }
        this.terminal.table(
            ['Stage', 'Handlers'],
            stages.map(({ name, handlers }) => [name ?? '(no name)', handlers.join(', ')]),
        );
        this.line('\nA server that starts adds the answer 404 to notFound, and the exception handler to errors.');
    }
}

const METHOD_COLOURS: Record<string, 'blue' | 'red'> = { GET: 'blue', HEAD: 'blue', DELETE: 'red' };
