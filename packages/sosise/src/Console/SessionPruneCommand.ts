import type { PruneOutcome, PruneStep } from '../Session/Repository/Pruning.js';
import { counted, grouped, sizeOf } from '../Support/words.js';
import type { CommandInput } from './Command.js';
import { CommandError } from './CommandError.js';
import { DRIVER_OPTION, SessionCommand } from './SessionCommand.js';

/** Removes what has expired now, instead of at the next turn of a process that serves. */
export class SessionPruneCommand extends SessionCommand {
    public readonly signature = 'session:prune';
    public readonly description = 'Removes the sessions that have expired';
    public override readonly options = [DRIVER_OPTION];

    public async handle({ options }: CommandInput): Promise<void> {
        const open = await this.open(options);
        const progress = await this.progressOf(open);
        const counts: Record<PruneOutcome, number> = { removed: 0, forgotten: 0, kept: 0, other: 0 };
        let bytes = 0;
        const step = ({ looked, record, outcome }: PruneStep) => {
            counts[outcome] += 1;
            bytes += outcome === 'removed' ? Buffer.byteLength(record) : 0;
            progress.update(looked, `${grouped(counts.removed)} removed`);
        };
        await open.sessions.prune(this.signal, { whole: true, progress: step }).finally(() => progress.end());
        this.line(`${sentenceOf(counts, bytes)} It took ${progress.seconds} s.`);
        if (this.signal.aborted) {
            throw new CommandError('Stopped before the end: run it again to remove the rest.');
        }
    }
}

function sentenceOf({ removed, forgotten, kept }: Record<PruneOutcome, number>, bytes: number): string {
    const parts = [
        `${counted(removed, 'expired session')} removed${removed > 0 ? ` (${sizeOf(bytes)})` : ''}`,
        forgotten > 0 && `${counted(forgotten, 'note')} of ended ones removed`,
        `${grouped(kept)} kept`,
    ];
    return `${parts.filter(Boolean).join(', ')}.`;
}
