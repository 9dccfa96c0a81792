import { existsSync } from 'node:fs';
import { join } from 'node:path';
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { appConfig } from '../Config/AppConfig.js';
import { BadRequestException } from '../Exceptions/BadRequestException.js';
import { NotFoundException } from '../Exceptions/NotFoundException.js';
import { ServiceProvider } from '../Kernel/ServiceProvider.js';
import { accessLog } from '../Logging/accessLog.js';
import { Logger } from '../Logging/Logger.js';
import type { LoggingConfig } from '../Logging/LoggingConfig.js';
import { answering } from './answering.js';
import { KERNEL_SETTING } from './applicationOf.js';
import { ExceptionHandler } from './Errors/ExceptionHandler.js';
import { OwnErrorPages } from './Errors/OwnErrorPages.js';
import { RoutePatterns } from './Errors/RoutePatterns.js';
import { weakEtag } from './Fast/answerJson.js';
import { type HttpConfig, httpConfig } from './HttpConfig.js';
import { HttpPipeline } from './HttpPipeline.js';
import { HttpServer } from './HttpServer.js';
import { letsPlainHttpIn } from './letsPlainHttpIn.js';
import { methodOverride } from './methodOverride.js';
import { parsers } from './parsers.js';
import { properRequest } from './properRequest.js';
import { Readiness } from './Readiness.js';
import { health, ready } from './ready.js';
import { requestId } from './requestId.js';
import { routePatterns } from './routePatterns.js';
import { securityHeaders } from './securityHeaders.js';
import { TRUST_THE_PROXY } from './trustTheProxy.js';
import { viewsFolder } from './viewsConfig.js';

/** The HTTP pipeline with its built-in stages, and the server. Routes and middlewares come from AppServiceProvider. */
export class HttpServiceProvider extends ServiceProvider {
    public static override readonly config = [appConfig, httpConfig];

    private get options(): HttpConfig {
        return this.app.config.get<HttpConfig>('http');
    }

    public override register(): void {
        const { container } = this.app;
        container.singleton(HttpPipeline, () => new HttpPipeline(this.settings()));
        container.singleton(Readiness, () => new Readiness());
        container.singleton(HttpServer, () => new HttpServer(this.app));
        container.singleton(ExceptionHandler, () => new ExceptionHandler(this.app));
        container.singleton(OwnErrorPages, () => this.ownErrorPages());
        container.singleton(RoutePatterns, () => ({ of: routePatterns(container.make(HttpPipeline)) }));
    }

    public override async boot(): Promise<void> {
        const { options } = this;
        const { isProduction, manifest } = this.app.environment;
        const pipeline = this.app.container.make(HttpPipeline);
        if (options.metrics || options.openTelemetry) {
            const { startTelemetry } = await import('./Metrics/startTelemetry.js');
            await startTelemetry(this.app, options);
        }
        pipeline.use('requestId', requestId(options.requestId));
        this.writeAccessLog(pipeline);
        if (options.securityHeaders) {
            pipeline.use(
                'securityHeaders',
                securityHeaders(options.securityHeaders, isProduction && !letsPlainHttpIn(this.app)),
            );
        }
        pipeline.use('securityHeaders', properRequest); // here, so that its refusals have these headers
        // The package is only loaded where pages of other origins read answers.
        if (options.cors) {
            const { default: cors } = await import('cors');
            pipeline.use('cors', cors(options.cors));
        } else if (options.trustedOrigins.length > 0) {
            const { trustedCors } = await import('./trustedCors.js');
            pipeline.use('cors', trustedCors(options.trustedOrigins));
        }
        pipeline.use('health', answering(health(), '/up'), answering(this.readyAnswer(), '/ready'));
        const { public: folder } = manifest.paths;
        if (existsSync(folder)) {
            pipeline.use('static', answering(express.static(folder), '/*'));
        }
        pipeline.use('parsers', ...parsers(options));
        if (options.methodOverride) {
            pipeline.use('middlewares', methodOverride);
        }
        if (options.views) {
            const { openViews } = await import('./openViews.js');
            await openViews(options.views, this.app.environment.root, pipeline.express);
        }
        if (options.trustProxy === true) {
            this.app.container
                .make(Logger)
                .warning(`trustProxy: true believes X-Forwarded-For from everyone. ${TRUST_THE_PROXY}.`);
        }
    }

    /** A line for every request, where the config wants one and a Logger is bound. */
    private writeAccessLog(pipeline: HttpPipeline): void {
        const { container } = this.app;
        if (this.app.config.find<LoggingConfig>('logging')?.access && container.has(Logger)) {
            pipeline.use('accessLog', accessLog(container.make(Logger)));
        }
    }

    /** Last, so that what other providers put into these stages in boot() comes before. */
    public override ready(): void {
        const handler = this.app.container.make(ExceptionHandler);
        this.app.container
            .make(HttpPipeline)
            .use('notFound', notFound)
            .use('errors', (error: unknown, request: Request, response: Response, _next: NextFunction) =>
                handler.handle(error, request, response),
            );
    }

    /** The server is closed before, normally; requests must not outlive what they use. */
    public override async shutdown(): Promise<void> {
        await this.app.container.make(HttpServer).close();
    }

    private readyAnswer(): RequestHandler {
        const { container, environment } = this.app;
        return ready({
            readiness: container.make(Readiness),
            explains: environment.isDevelopment,
            changed: (unready) =>
                unready
                    ? container.make(Logger).warning(`Not ready: ${unready.part}.`, { error: unready.error })
                    : container.make(Logger).info('Ready again.'),
        });
    }

    private ownErrorPages(): OwnErrorPages {
        const { isDevelopment, root } = this.app.environment;
        const { views } = this.options;
        const extension = views && (views.extension ?? views.engine);
        return new OwnErrorPages({
            folder: join(viewsFolder(root, views), 'errors'),
            changes: isDevelopment,
            htmlIsTemplate: extension === 'html' || extension === '.html',
        });
    }

    private settings(): Record<string, unknown> {
        return {
            [KERNEL_SETTING]: this.app,
            env: this.app.environment.name,
            etag: weakEtag,
            'query parser': 'simple',
            'trust proxy': this.options.trustProxy,
            'view cache': this.app.environment.isProduction,
            'x-powered-by': false,
        };
    }
}

/** Where no route answered: a 404, or a 400 for an address that is none (`/%E0%A4%A`). */
function notFound(request: Request): never {
    try {
        decodeURIComponent(request.path);
    } catch {
        throw new BadRequestException('The address of the request is malformed.');
    }
    throw new NotFoundException(`There is no route for ${request.method} ${request.path}`, {
        errorCode: 'E_ROUTE_NOT_FOUND',
    });
}
