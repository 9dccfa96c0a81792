import type { ApplicationKernel } from '../ApplicationKernel.js';
import { ConfigError } from '../Exceptions/errors.js';
import type { SessionConfig } from '../Session/SessionConfig.js';
import { type MigrationCounts, SessionMigration } from '../Session/SessionMigration.js';
import { Command, type CommandInput } from './Command.js';
import { UsageError } from './UsageError.js';

const SAY_EVERY_MS = 1_000;

/** Moves the sessions of the driver before while the application serves. */
export class SessionMigrateCommand extends Command {
    public readonly signature = 'session:migrate';
    public readonly description = 'Moves the sessions of the driver that was used before';
    public override readonly options = [
        { flag: '--from <driver>', description: 'where they are; default: the first of fallback in the config' },
        { flag: '--to <driver>', description: 'where they go; default: driver of the config' },
    ];
    private readonly stopping = new AbortController();

    public async handle({ options }: CommandInput): Promise<void> {
        const stop = () => this.stopping.abort();
        process.once('SIGINT', stop).once('SIGTERM', stop);
        const app = await this.artisan.application();
        await app.boot();
        try {
            await this.migrate(app, options);
        } finally {
            await app.shutdown();
            process.off('SIGINT', stop).off('SIGTERM', stop);
        }
    }

    private async migrate(app: ApplicationKernel, options: CommandInput['options']): Promise<void> {
        const { enabled, driver, fallback } = app.config.get<SessionConfig>('session');
        if (!enabled) {
            throw new ConfigError('Sessions are off: set enabled to true in src/config/session.ts.');
        }
        const { from = fallback[0], to = driver } = options as { from?: string; to?: string };
        if (from === undefined) {
            throw new UsageError('Say where the sessions are: ./artisan session:migrate --from file --to redis.');
        }
        const started = performance.now();
        let said = started;
        const counts = await app.container.make(SessionMigration).run({
            from,
            to,
            signal: this.stopping.signal,
            progress: (soFar) => {
                const now = performance.now();
                if (now - said > SAY_EVERY_MS) {
                    said = now;
                    this.line(sentenceOf(soFar));
                }
            },
        });
        const seconds = ((performance.now() - started) / 1_000).toFixed(1);
        this.line(`${sentenceOf(counts)} It took ${seconds} s.`);
        if (this.stopping.signal.aborted) {
            throw new ConfigError('Stopped before the end: run it again to move the rest.');
        }
        this.line(`All sessions that live are in ${to}: take '${from}' out of fallback, and restart the application.`);
    }
}

function sentenceOf({ moved, lists, known, over, damaged }: MigrationCounts): string {
    const parts = [
        `${moved} ${moved === 1 ? 'session' : 'sessions'} moved`,
        lists > 0 && `${lists} users' lists moved`,
        known > 0 && `${known} there already`,
        over > 0 && `${over} over and left behind`,
        damaged > 0 && `${damaged} damaged and set aside`,
    ];
    return `${parts.filter(Boolean).join(', ')}.`;
}
