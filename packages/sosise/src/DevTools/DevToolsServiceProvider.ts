import { DevelopmentPages } from '../Http/DevelopmentPages.js';
import { ErrorPage } from '../Http/Errors/ErrorPage.js';
import type { HttpConfig } from '../Http/HttpConfig.js';
import { HttpPipeline } from '../Http/HttpPipeline.js';
import { HttpServer } from '../Http/HttpServer.js';
import { LiveReload } from '../Http/Pages/LiveReload.js';
import { viewsFolder } from '../Http/viewsConfig.js';
import { ServiceProvider } from '../Kernel/ServiceProvider.js';
import { Logger } from '../Logging/Logger.js';
import { SessionEvents } from '../Session/Events/SessionEvents.js';
import { SessionObserver } from '../Session/Object/SessionObserver.js';
import type { SourceWatch } from '../Support/Files/SourceWatch.js';

/**
 * What helps while you develop. In other environments it does nothing, and loads nothing; without its line in
 * `src/bootstrap/providers.ts` this folder can be deleted.
 */
export class DevToolsServiceProvider extends ServiceProvider {
    private saves: SourceWatch | undefined;

    public override async boot(): Promise<void> {
        const { container, environment } = this.app;
        if (!environment.isDevelopment) {
            return;
        }
        const [{ InstanceWatch }, { DevelopmentErrorPage }, { Inspector }, { traceEvents }, { favicon }] =
            await Promise.all([
                import('./InstanceWatch.js'),
                import('./ErrorPage/DevelopmentErrorPage.js'),
                import('./Inspector/Inspector.js'),
                import('./Inspector/traceEvents.js'),
                import('./favicon.js'),
            ]);
        const watch = new InstanceWatch();
        await this.watchViews(watch);
        container.instance(LiveReload, watch);
        container.instance(ErrorPage, new DevelopmentErrorPage(this.app));
        const inspector = new Inspector(this.app);
        container.instance(SessionObserver, inspector.observer);
        if (container.has(SessionEvents)) {
            traceEvents(container.make(SessionEvents));
        }
        container.instance(DevelopmentPages, inspector);
        container.make(HttpServer).stopping.addEventListener('abort', inspector.close);
        container
            .make(HttpPipeline)
            // Before the access log, which would tell of each page that listens.
            .before('requestId', watch.instance, 'instance')
            .before('requestId', inspector.answer, 'inspector')
            .before('session', inspector.recorder)
            .before('notFound', favicon);
    }

    /** Templates are read for each answer in development: saving one needs no restart, and the pages load again. */
    private async watchViews(pages: { reload(): void }): Promise<void> {
        const { views } = this.app.config.get<HttpConfig>('http');
        if (views) {
            const { SourceWatch } = await import('../Support/Files/SourceWatch.js');
            const folder = viewsFolder(this.app.environment.root, views);
            this.saves = new SourceWatch(() => pages.reload()).addTree(folder);
        }
    }

    public override shutdown(): void {
        this.saves?.close();
    }

    public override async ready(): Promise<void> {
        const { container, environment } = this.app;
        if (environment.isDevelopment) {
            const { misspeltActions } = await import('./misspeltActions.js');
            const logger = container.make(Logger);
            for (const sentence of misspeltActions(container.make(HttpPipeline))) {
                logger.warning(sentence);
            }
        }
    }
}
