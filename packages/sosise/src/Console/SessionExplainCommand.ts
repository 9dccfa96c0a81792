import type { Explanation } from '../Session/Audit/SessionExplainer.js';
import type { CommandInput } from './Command.js';
import { CommandError } from './CommandError.js';
import { DRIVER_OPTION, enabledSessions, fingerprintIn, refuseNoUser, SessionCommand } from './SessionCommand.js';
import { printable, spanOf } from './sessionTexts.js';
import { UsageError } from './UsageError.js';

/** Says why a session is none any more, or a user's sessions: what happened, when, and the setting that decides it. */
export class SessionExplainCommand extends SessionCommand {
    public readonly signature = 'session:explain [fingerprint]';
    public readonly description = 'Says why a session has ended, or why its browser lost it';
    public override readonly options = [
        DRIVER_OPTION,
        { flag: '--user <id>', description: "this user's latest sessions" },
        { flag: '--json', description: 'as a JSON array' },
    ];

    public async handle({ arguments: [fingerprint], options }: CommandInput): Promise<void> {
        const { user, json } = options as { user?: string; json?: boolean };
        if ((fingerprint === undefined) === (user === undefined)) {
            throw new UsageError('Say which, in one way: ./artisan session:explain FINGERPRINT, or --user=ID.');
        }
        refuseNoUser(user);
        const given = fingerprint === undefined ? undefined : fingerprintIn(fingerprint);
        const app = await this.bootedOn(options['driver'] as string | undefined);
        enabledSessions(app);
        const [{ SessionExplainer }, { NAME_THE_CHANNEL }, { auditSourceOf }, { SessionServices }] = await Promise.all([
            import('../Session/Audit/SessionExplainer.js'),
            import('../Session/Audit/causeOf.js'),
            import('../Session/Audit/AuditTrail.js'),
            import('../Session/Request/SessionServices.js'),
        ]);
        const audit = auditSourceOf(app);
        const explainer = new SessionExplainer(app.container.make(SessionServices), audit);
        const { looked, end } = this.quietProgress();
        const asked =
            given === undefined
                ? explainer.ofUser(user as string)
                : explainer.ofFingerprint(given, { signal: this.signal, looked }).then((one) => [one]);
        const found = await asked.finally(end);
        if (this.signal.aborted) {
            throw new CommandError('Stopped before the session was found.');
        }
        if (json) {
            this.terminal.json(found.map(({ at, ...one }) => ({ ...one, at: at === undefined ? null : new Date(at) })));
        } else if (found.length === 0) {
            const why = audit.isOn ? '' : ': the list in the store names none, and the audit channel is off';
            this.line(`Nothing is known of sessions of user ${printable(user as string)}${why}.`);
            if (!audit.isOn) {
                this.line(`Setting: ${NAME_THE_CHANNEL}`);
            }
        } else {
            this.print(found);
        }
    }

    private print(found: readonly Explanation[]): void {
        for (const [index, one] of found.entries()) {
            if (index > 0) {
                this.line();
            }
            this.terminal.pairs(factsOf(one));
        }
    }
}

function factsOf({ fingerprint, since, user, name, sentence, at, fix }: Explanation): [string, string][] {
    const when = at === undefined ? undefined : `${spanOf(Date.now() - at)} ago, ${new Date(at).toISOString()}`;
    const facts: [string, string | undefined][] = [
        ['Session', since === undefined ? fingerprint : `${fingerprint}, which became ${since}`],
        ['User', user],
        ['Cause', sentence],
        [name === 'lives' ? 'Last seen' : 'When', when],
        ['Setting', fix],
    ];
    return facts.flatMap(([label, value]) => (value === undefined ? [] : [[label, printable(value)]]));
}
