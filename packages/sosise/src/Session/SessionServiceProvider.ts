import { userInfo } from 'node:os';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { type Secret, secretsIn, weaknessOf } from '../Config/secrets.js';
import { ConfigError } from '../Exceptions/errors.js';
import { ErrorSessions } from '../Http/Errors/ErrorSessions.js';
import { ExceptionHandler } from '../Http/Errors/ExceptionHandler.js';
import { RefusedForms } from '../Http/Errors/RefusedForms.js';
import type { HttpConfig } from '../Http/HttpConfig.js';
import { HttpPipeline } from '../Http/HttpPipeline.js';
import { Readiness } from '../Http/Readiness.js';
import { ServiceProvider } from '../Kernel/ServiceProvider.js';
import { Logger } from '../Logging/Logger.js';
import { auditChannel, type LoggingConfig } from '../Logging/LoggingConfig.js';
import type { SessionPruner } from './Admin/SessionPruner.js';
import { SessionRegistry } from './Admin/SessionRegistry.js';
import { StoredSessions } from './Admin/StoredSessions.js';
import { StoreLocks } from './Admin/StoreLocks.js';
import type { AuditLog } from './Audit/AuditLog.js';
import type { DeviceBinding } from './Binding/DeviceBinding.js';
import type { SessionConfig, SessionSettings } from './Config/SessionConfig.js';
import { settingsOf } from './Config/settingsOf.js';
import type { SessionDriver } from './Drivers/SessionDriver.js';
import type { SessionEventChannels } from './Events/channels.js';
import { SessionEvents } from './Events/SessionEvents.js';
import type { RevokedBy } from './Events/sessionEvent.js';
import { exclusive } from './exclusive.js';
import { SessionForms } from './Forms/SessionForms.js';
import { SessionMigration } from './Moving/SessionMigration.js';
import { SessionObserver } from './Object/SessionObserver.js';
import type { OpenedDrivers } from './Opening/OpenedDrivers.js';
import { SessionManager } from './Opening/SessionManager.js';
import { noSession, prepareSession, type SessionStages } from './Request/noSession.js';
import type { ForgeryRules, SessionServices } from './Request/SessionServices.js';
import type { SessionSchema } from './Schema/SessionSchema.js';
import { sessionConfig } from './sessionRules.js';

/** Loads `src/config/session.ts`, makes its driver, and puts express-session into the HTTP pipeline. */
export class SessionServiceProvider extends ServiceProvider {
    public static override readonly config = [sessionConfig];

    private stages: SessionStages | undefined;
    private drivers: OpenedDrivers | undefined;
    private services: SessionServices | undefined;
    private pruner: SessionPruner | undefined;
    private events: SessionEvents | undefined;
    private audit: AuditLog | undefined;

    public override register(): void {
        const { container, environment } = this.app;
        container.singleton(
            SessionManager,
            () => new SessionManager(this.settings, environment, container.make(Logger)),
        );
        container.singleton(
            SessionMigration,
            () => new SessionMigration(this.settings, () => this.drivers?.withFallback),
        );
        container.singleton(SessionEvents, () => new SessionEvents(container.make(Logger), this.process));
        container.singleton(SessionRegistry, () => new SessionRegistry(() => this.layerFor('SessionRegistry')));
        container.singleton(ErrorSessions, () => ({
            prepare: (request, response) => prepareSession(this.stages, request, response),
        }));
        container.singleton(RefusedForms, () => new SessionForms());
        container.singleton(StoredSessions, () => new StoredSessions(() => this.layerFor('StoredSessions')));
        container.singleton(StoreLocks, () => new StoreLocks(() => this.layerFor('StoreLocks')));
    }

    public override boot(): void {
        const pipeline = this.app.container.make(HttpPipeline).use('session', notReady, notReadyForErrors);
        if (this.bindsDevices) {
            pipeline.before('session', deviceNotReady, DEVICE_STAGE);
        }
    }

    /** Every `extend()` has been called by now: a driver that can't be made stops start-up, not the first request. */
    public override async ready(): Promise<void> {
        const { container, environment } = this.app;
        const log = container.make(Logger);
        const config = this.settings;
        if (!config.enabled) {
            this.serve(noSession(log));
            return;
        }
        for (const weakness of new Set(secretsIn(config.secret).flatMap((secret) => weaknessOf(secret) ?? []))) {
            log.warning(`The session secret ${weakness}: production would refuse to start with it.`);
        }
        const settings = settingsOf(config, environment);
        // Not loaded where sessions are off.
        const [
            { OpenedDrivers },
            { SessionServices },
            { ExpressStore },
            { SessionPruner },
            { startSession },
            { checkDriver },
        ] = await Promise.all([
            import('./Opening/OpenedDrivers.js'),
            import('./Request/SessionServices.js'),
            import('./Request/ExpressStore.js'),
            import('./Admin/SessionPruner.js'),
            import('./Request/startSession.js'),
            import('./Drivers/checkDriver.js'),
        ]);
        this.drivers = new OpenedDrivers({ manager: container.make(SessionManager), config, settings, log });
        const observer = container.find(SessionObserver);
        this.events = container.make(SessionEvents);
        const { channels: events } = this.events;
        const binding = await this.deviceBinding(settings, events);
        const opened = await this.drivers.open();
        const measured = await this.measured(opened);
        const driver = observer?.watch(measured) ?? measured;
        this.services = new SessionServices({
            settings,
            driver,
            log,
            errors: container.make(ExceptionHandler),
            forgery: await this.forgery(settings.secrets),
            schema: await this.schema(log),
            isDevelopment: environment.isDevelopment,
            store: (services) => new ExpressStore(services),
            events,
            observer,
            binding,
        });
        container.instance(SessionServices, this.services);
        if (binding) {
            const { deviceEndpoint } = await import('./Binding/deviceEndpoint.js');
            const pipeline = container.make(HttpPipeline);
            pipeline.replace(DEVICE_STAGE, deviceNotReady, deviceEndpoint(binding, this.services));
        }
        await this.startAudit(this.services);
        this.serve(startSession(this.services, settings.concurrency === 'exclusive' ? exclusive() : undefined));
        this.pruner = new SessionPruner(this.services);
        this.pruner.start();
        container.make(Readiness).add('session store', () => checkDriver(driver));
        const { limits, survivesRestart } = driver.abilities ?? {};
        if (limits) {
            log.info(`Session driver [${config.driver}]: ${limits}${survivesRestart === false ? this.onReload : ''}`);
        }
    }

    public override async shutdown(): Promise<void> {
        this.services?.repository.ends?.stop();
        await this.pruner?.stop();
        await this.drivers?.close();
        this.events?.flush();
        this.audit?.close();
    }

    private serve(stages: SessionStages): void {
        this.stages = stages;
        this.app.container
            .make(HttpPipeline)
            .replace('session', notReady, stages.session)
            .replace('session', notReadyForErrors, stages.errors);
    }

    private async forgery(secrets: readonly Secret[]): Promise<ForgeryRules | undefined> {
        const { csrf, trustedOrigins } = this.app.config.get<HttpConfig>('http');
        if (csrf === false) {
            return undefined;
        }
        const { exempt } = csrf;
        const tokens = csrf.tokens ? new (await import('./Forgery/CsrfTokens.js')).CsrfTokens(secrets) : undefined;
        return { trustedOrigins, exempt, tokens };
    }

    /** With figures and spans around it, where the config asks for them. */
    private async measured(driver: SessionDriver): Promise<SessionDriver> {
        const { metrics, openTelemetry } = this.app.config.get<HttpConfig>('http');
        if (!metrics && !openTelemetry) {
            return driver;
        }
        const { measureSessions } = await import('./Telemetry/measureSessions.js');
        return measureSessions(driver, this.app.container, this.settings);
    }

    private async schema(log: Logger): Promise<SessionSchema | undefined> {
        const { schema, upgrade } = this.settings;
        return schema && new (await import('./Schema/SessionSchema.js')).SessionSchema(schema, upgrade, log);
    }

    private async deviceBinding(
        settings: SessionSettings,
        events: SessionEventChannels,
    ): Promise<DeviceBinding | undefined> {
        return this.bindsDevices
            ? new (await import('./Binding/DeviceBinding.js')).DeviceBinding(settings, events)
            : undefined;
    }

    /** Off until `src/config/logging.ts` names its channel. */
    private async startAudit({ settings, driver, log }: SessionServices): Promise<void> {
        if (!this.app.config.find<LoggingConfig>('logging')?.channels[auditChannel]) {
            return;
        }
        const { AuditLog } = await import('./Audit/AuditLog.js');
        this.audit = new AuditLog(log);
        this.audit.listen(this.app.container.make(SessionEvents));
        if (!this.app.isInConsole) {
            this.audit.started(settings, driver);
        }
    }

    private layerFor(user: string): SessionServices {
        if (!this.services) {
            throw new ConfigError(
                this.settings.enabled
                    ? `The session store is not ready yet: use ${user} once the application has booted.`
                    : `${user} needs sessions: set enabled to true in src/config/session.ts.`,
            );
        }
        return this.services;
    }

    private get onReload(): string {
        return this.app.environment.isDevelopment
            ? " npm run dev restarts at every save, and no session survives that: driver 'file' (src/config/session.ts) keeps them."
            : '';
    }

    private get process(): RevokedBy {
        return this.app.isInConsole ? { by: 'console', byUser: accountName() } : { by: 'application' };
    }

    private get bindsDevices(): boolean {
        return this.settings.enabled && this.settings.deviceBound !== false;
    }

    private get settings(): SessionConfig {
        return this.app.config.get<SessionConfig>('session');
    }
}

function accountName(): string | undefined {
    try {
        return userInfo().username;
    } catch {
        return undefined; // a number without a name, as in containers
    }
}

/** The stage where browsers register and prove their devices. */
const DEVICE_STAGE = 'deviceSession';

/** What stands in the pipeline until the store is open: `route:list` shows it. */
const notReady: RequestHandler = function session(_request, _response, next) {
    next();
};

const deviceNotReady: RequestHandler = function deviceSession(_request, _response, next) {
    next();
};

const notReadyForErrors: ErrorRequestHandler = function sessionForErrors(error, _request, _response, next) {
    next(error);
};
