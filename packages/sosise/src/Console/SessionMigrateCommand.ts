import { ConfigError } from '../Exceptions/errors.js';
import { toError } from '../Exceptions/thrown.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { type MigrationCounts, SessionMigration } from '../Session/Moving/SessionMigration.js';
import { counted, grouped } from '../Support/words.js';
import { Command, type CommandInput } from './Command.js';
import { CommandError } from './CommandError.js';
import { Progress } from './Progress.js';
import { enabledSessions } from './SessionCommand.js';
import { UsageError } from './UsageError.js';

/** Moves the sessions of the driver before while the application serves. */
export class SessionMigrateCommand extends Command {
    public readonly signature = 'session:migrate';
    public readonly description = 'Moves the sessions of the driver that was used before';
    public override readonly options = [
        { flag: '--from <driver>', description: 'where they are; default: the first of fallback in the config' },
        { flag: '--to <driver>', description: 'where they go; default: driver of the config' },
    ];

    public async handle({ options }: CommandInput): Promise<void> {
        await this.migrate(await this.app(), options);
    }

    private async migrate(app: ApplicationKernel, options: CommandInput['options']): Promise<void> {
        const { driver, fallback } = enabledSessions(app);
        const { from = fallback[0], to = driver } = options as { from?: string; to?: string };
        if (from === undefined) {
            throw new UsageError('Say where the sessions are: ./artisan session:migrate --from file --to redis.');
        }
        const progress = new Progress('records');
        const counts = await app.container
            .make(SessionMigration)
            .run({
                from,
                to,
                signal: this.signal,
                progress: (soFar, total) => {
                    progress.total = total;
                    progress.update(Object.values(soFar).reduce((sum, count) => sum + count, 0));
                },
            })
            .catch((error: unknown) => Promise.reject(brokenOff(error)));
        progress.end();
        this.line(`${sentenceOf(counts)} It took ${progress.seconds} s.`);
        if (this.signal.aborted) {
            throw new CommandError('Stopped before the end: run it again to move the rest.');
        }
        this.line(`All sessions that live are in ${to}: take '${from}' out of fallback, and restart the application.`);
    }
}

/** A store in trouble: who reads it wants to know what has become of the sessions. */
function brokenOff(error: unknown): unknown {
    return error instanceof ConfigError
        ? error
        : new CommandError(`${toError(error).message} What has moved is safe: run it again to move the rest.`, {
              cause: error,
          });
}

function sentenceOf({ moved, lists, known, over, damaged }: MigrationCounts): string {
    const parts = [
        `${counted(moved, 'session')} moved`,
        lists > 0 && `${lists === 1 ? "1 user's list" : `${grouped(lists)} users' lists`} moved`,
        known > 0 && `${grouped(known)} there already`,
        over > 0 && `${grouped(over)} over and left behind`,
        damaged > 0 && `${grouped(damaged)} damaged and quarantined`,
    ];
    return `${parts.filter(Boolean).join(', ')}.`;
}
