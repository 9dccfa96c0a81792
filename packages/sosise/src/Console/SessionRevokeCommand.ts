import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import type { SessionRegistry } from '../Session/Admin/SessionRegistry.js';
import { counted } from '../Support/words.js';
import type { CommandInput } from './Command.js';
import { CommandError } from './CommandError.js';
import { canAsk, confirm } from './confirm.js';
import { Progress } from './Progress.js';
import { DRIVER_OPTION, fingerprintIn, type OpenSessions, refuseNoUser, SessionCommand } from './SessionCommand.js';
import { printable } from './sessionTexts.js';
import { UsageError } from './UsageError.js';

const HOW = './artisan session:revoke FINGERPRINT, --user=ID or --all';

/** Ends sessions: their browsers are logged out with their next request, in every process that serves. */
export class SessionRevokeCommand extends SessionCommand {
    public readonly signature = 'session:revoke [fingerprint]';
    public readonly description = "Ends a session, a user's sessions, or all";
    public override readonly options = [
        DRIVER_OPTION,
        { flag: '--user <id>', description: 'all sessions of this user' },
        { flag: '--all', description: 'all sessions there are, of visitors too' },
        { flag: '--force', description: 'with --all: do not ask' },
    ];

    public async handle({ arguments: [fingerprint], options }: CommandInput): Promise<void> {
        const { user, all, force } = options as { user?: string; all?: boolean; force?: boolean };
        if ([fingerprint, user, all].filter((given) => given !== undefined).length !== 1) {
            throw new UsageError(`Say which sessions, in one way: ${HOW}.`);
        }
        if (force && !all) {
            throw new UsageError(`--force goes with --all alone: ${HOW}.`);
        }
        refuseNoUser(user);
        if (fingerprint !== undefined) {
            await this.revokeOne(fingerprintIn(fingerprint), options);
        } else if (user !== undefined) {
            await this.revokeUser(user, await this.open(options, { needsList: false }));
        } else {
            await this.revokeAll(options, force === true);
        }
    }

    private async revokeOne(fingerprint: string, options: CommandInput['options']): Promise<void> {
        const { sessions } = await this.open(options);
        const { looked, end } = this.quietProgress();
        const session = await sessions.revoke(fingerprint, { signal: this.signal, looked }).finally(end);
        const whose = session.user === undefined ? 'of a visitor' : `of user ${printable(session.user)}`;
        this.line(`The session ${session.fingerprint} ${whose} has ended.`);
    }

    private async revokeUser(user: string, { app }: OpenSessions): Promise<void> {
        const progress = new Progress('sessions');
        const registry = await registryOf(app);
        const revoked = await registry
            .revoke(user, { signal: this.signal, progress: (count) => progress.update(count, 'ended') })
            .finally(() => progress.end());
        this.tell(revoked, `of user ${printable(user)} `);
    }

    private async revokeAll(options: CommandInput['options'], force: boolean): Promise<void> {
        if (!force && !canAsk()) {
            throw new UsageError('--all ends all sessions and nobody can be asked here: add --force.');
        }
        const open = await this.open(options);
        const question = `End all sessions of the driver ${open.driver}? Everyone is logged out. [y/N] `;
        if (!force && !(await confirm(question, this.signal))) {
            this.line('Nothing was changed.');
            return;
        }
        const progress = await this.progressOf(open);
        const registry = await registryOf(open.app);
        const revoked = await registry
            .revokeAll({
                signal: this.signal,
                progress: (count, looked, walk) => {
                    const again = walk > 1 ? ', looking again for what got a new id meanwhile' : '';
                    progress.update(looked, `${counted(count, 'session')} ended${again}`, walk);
                },
            })
            .finally(() => progress.end());
        this.tell(revoked, '', ` It took ${progress.seconds} s.`);
    }

    private tell(revoked: number, whose: string, more = ''): void {
        this.line(`${counted(revoked, 'session')} ${whose}${revoked === 1 ? 'has' : 'have'} ended.${more}`);
        if (this.signal.aborted) {
            throw new CommandError('Stopped before the end: run it again to end the rest.');
        }
    }
}

/** Loaded now: the list of commands has to do without express. */
async function registryOf(app: ApplicationKernel): Promise<SessionRegistry> {
    const { SessionRegistry } = await import('../Session/Admin/SessionRegistry.js');
    return app.container.make(SessionRegistry);
}
