import type { ConfigOverrides } from '../ConfigOverrides.js';
import { UnknownDriverError } from '../Exceptions/UnknownDriverError.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { StoredSessions } from '../Session/Admin/StoredSessions.js';
import type { SessionConfig } from '../Session/Config/SessionConfig.js';
import { Command, type CommandInput, type CommandOption } from './Command.js';
import { CommandError } from './CommandError.js';
import { Progress } from './Progress.js';
import { UsageError, unknownName } from './UsageError.js';

export const DRIVER_OPTION: CommandOption = {
    flag: '--driver <name>',
    description: 'where the sessions are; default: driver of the config, with its fallback',
};

/** What a command works with: the sessions of one driver, in the application that has them. */
export interface OpenSessions {
    readonly app: ApplicationKernel;
    readonly sessions: StoredSessions;
    /** The driver's name. */
    readonly driver: string;
}

/** A beginning of a fingerprint that may be taken for a name. */
const FINGERPRINT = /^[\w-]{4,10}$/;

/** A command that looks after stored sessions. */
export abstract class SessionCommand extends Command {
    /** A fingerprint, or its beginning, may begin with a dash. One that begins with two looks like an option unless it is whole. */
    public override readonly dashedArgument: RegExp | undefined = /^-(?:\w[\w-]{2,8}|[\w-]{9})$/;

    /** Boots the application on the driver that is asked for. Refuses where its sessions can't be reached from here. */
    protected async open(
        options: CommandInput['options'],
        { needsList = true }: { needsList?: boolean } = {},
    ): Promise<OpenSessions> {
        const app = await this.bootedOn(options['driver'] as string | undefined);
        const { driver } = enabledSessions(app);
        const sessions = app.container.make(StoredSessions);
        const { canList } = sessions; // refuses where no session can be reached from here
        if (needsList && !canList) {
            throw new CommandError(
                `The session driver ${driver} can't list what it holds: only --user of session:list and session:revoke works with it.`,
            );
        }
        return { app, sessions, driver };
    }

    /** About how many records there are, for the time left. */
    protected async progressOf({ sessions }: OpenSessions): Promise<Progress> {
        const progress = new Progress('records');
        progress.total = await sessions.count();
        return progress;
    }

    /** What to do for each record of a walk that prints nothing else: a person who waits sees how far it is. */
    protected quietProgress(): { looked: () => void; end: () => void } {
        const progress = new Progress('records');
        let count = 0;
        return {
            looked: () => {
                count += 1;
                if (this.terminal.isInteractive) {
                    progress.update(count);
                }
            },
            end: () => progress.end(),
        };
    }

    /** The driver of the config keeps its fallback: sessions that end would come back from there. */
    protected async bootedOn(driver: string | undefined): Promise<ApplicationKernel> {
        try {
            return await this.artisan.booted(driver === undefined ? {} : await this.overridesFor(driver));
        } catch (error) {
            if (driver !== undefined && error instanceof UnknownDriverError && error.driver === driver) {
                throw unknownName('session driver', driver, error.known);
            }
            throw error;
        }
    }

    private async overridesFor(driver: string): Promise<ConfigOverrides> {
        const { config } = await this.artisan.application();
        return config.get<SessionConfig>('session').driver === driver ? {} : { session: { driver, fallback: [] } };
    }
}

/** The configuration of sessions; refuses where they are off. */
export function enabledSessions(app: ApplicationKernel): SessionConfig {
    const config = app.config.get<SessionConfig>('session');
    if (!config.enabled) {
        throw new CommandError('Sessions are off: set enabled to true in src/config/session.ts.');
    }
    return config;
}

/** `--user=` with a variable that is unset must not be taken for something else. */
export function refuseNoUser(user: string | undefined): void {
    if (user?.trim() === '') {
        throw new UsageError("--user can't be empty: say whose sessions, as in --user=42.");
    }
}

/** A fingerprint as it was typed, or a beginning that is long enough. */
export function fingerprintIn(given: string): string {
    if (!FINGERPRINT.test(given)) {
        throw new UsageError(
            `${JSON.stringify(given)} is no fingerprint: say 4 to 10 of the characters that ./artisan session:list shows.`,
        );
    }
    return given;
}
