import type { RequestHandler } from 'express';
import { ExceptionHandler } from '../Exceptions/ExceptionHandler.js';
import { HttpPipeline } from '../Http/HttpPipeline.js';
import { Logger } from '../Logging/Logger.js';
import { ServiceProvider } from '../ServiceProvider.js';
import { hasShortSecret, type SessionConfig, sessionConfig, settingsOf } from './SessionConfig.js';
import { SessionLayer } from './SessionLayer.js';
import { SessionManager } from './SessionManager.js';
import { SessionPruner } from './SessionPruner.js';
import { noSession, startSession } from './startSession.js';

/** Loads `src/config/session.ts`, makes its driver, and puts express-session into the HTTP pipeline. */
export class SessionServiceProvider extends ServiceProvider {
    public static override readonly config = [sessionConfig];

    private handler: RequestHandler | undefined;
    private layer: SessionLayer | undefined;
    private pruner: SessionPruner | undefined;

    public override register(): void {
        const { container, environment } = this.app;
        container.singleton(
            SessionManager,
            () => new SessionManager(this.settings, environment, container.make(Logger)),
        );
    }

    public override boot(): void {
        const { container } = this.app;
        const session: RequestHandler = (request, response, next) => this.handler?.(request, response, next);
        container.make(HttpPipeline).use('session', session);
    }

    /** Every `extend()` has been called by now: a driver that can't be made stops start-up, not the first request. */
    public override async ready(): Promise<void> {
        const { container, environment } = this.app;
        const log = container.make(Logger);
        const config = this.settings;
        if (!config.enabled) {
            this.handler = noSession(log);
            return;
        }
        if (hasShortSecret(config)) {
            log.warning('The session secret is shorter than 32 characters: production would refuse to start with it.');
        }
        const driver = await container.make(SessionManager).driver(config.driver);
        this.layer = new SessionLayer({
            settings: settingsOf(config),
            driver,
            log,
            errors: container.make(ExceptionHandler),
            isDevelopment: environment.isDevelopment,
        });
        this.handler = startSession(this.layer);
        this.pruner = new SessionPruner(this.layer);
        this.pruner.start();
        if (driver.abilities?.limits) {
            log.info(`Session driver [${config.driver}]: ${driver.abilities.limits}`);
        }
    }

    public override async shutdown(): Promise<void> {
        await this.pruner?.stop();
        await this.layer?.driver.close();
    }

    private get settings(): SessionConfig {
        return this.app.config.get<SessionConfig>('session');
    }
}
