import { resolve } from 'node:path';
import type { Environment } from '../Config/Environment.js';
import { ServiceProvider } from '../Kernel/ServiceProvider.js';
import { Logger, type LoggerOptions } from './Logger.js';
import { auditChannel, type LoggingConfig, loggingConfig } from './LoggingConfig.js';

/** Binds the Logger. First in the list: so it is shut down last. */
export class LoggingServiceProvider extends ServiceProvider {
    public static override readonly config = [loggingConfig];
    private logger: Logger | undefined;

    public override register(): void {
        this.app.container.singleton(Logger, () => {
            this.logger = new Logger(loggerOptions(this.settings(), this.app.environment));
            return this.logger;
        });
    }

    public override async shutdown(): Promise<void> {
        await this.logger?.close();
    }

    private settings(): LoggingConfig {
        return this.app.config.get<LoggingConfig>(loggingConfig.file);
    }
}

/** What the configuration means in this environment. */
export function loggerOptions(config: LoggingConfig, environment: Environment): LoggerOptions {
    const isTest = environment.name === 'test';
    const isLocal = environment.isDevelopment || isTest;
    const console = config.console ?? (!isTest || config.level !== undefined);
    const { enabled, folder, maxSizeBytes, maxFiles } = config.files;
    return {
        level: config.level ?? (isLocal ? 'debug' : 'info'),
        console: console === true ? (isLocal ? 'readable' : 'json') : console,
        files: enabled
            ? {
                  folder: folder ? resolve(environment.root, folder) : environment.manifest.paths.logs,
                  maxSizeBytes,
                  maxFiles,
              }
            : undefined,
        channels: withWholeAudit(config.channels),
    };
}

/** Who asks for the audit log wants all of it, however little else is logged. */
function withWholeAudit({ [auditChannel]: audit, ...others }: LoggingConfig['channels']): LoggingConfig['channels'] {
    return audit ? { ...others, [auditChannel]: { level: 'info', ...audit } } : others;
}
