import type { PromiseOutcome } from '../Contract/ContractRun.js';
import type { Scratch } from '../Contract/openScratch.js';
import type { DriverAbilities } from '../Session/Drivers/SessionDriver.js';
import { inTime } from '../Support/Deadlines.js';
import { Command, type CommandInput } from './Command.js';
import { CommandError } from './CommandError.js';
import type { Paint } from './Terminal.js';

const BOOT_MS = 15_000;
const LONGEST_MS = 30_000;
/** How long what was stopped may take to end, and the storage to be cleaned. */
const END_MS = 5_000;
const PAINTS: Record<PromiseOutcome['result'], Paint> = { ok: 'green', lacks: 'yellow', failed: 'red', skipped: 'dim' };

/** Tries a session driver against all that sessions rely on, in a place of its own. */
export class SessionTestCommand extends Command {
    public readonly signature = 'session:test';
    public readonly description = 'Tries the session driver against what it has to promise';
    public override readonly options = [
        { flag: '--driver <name>', description: 'the driver to try; default: driver of the config' },
        { flag: '--json', description: 'print what came of each promise as JSON' },
    ];

    public async handle({ options }: CommandInput): Promise<void> {
        const { driver, json } = options as { driver?: string; json?: boolean };
        const [{ SessionSetup, refuseUnknownDriver }, { openScratch }] = await Promise.all([
            import('./SessionSetup.js'),
            import('../Contract/openScratch.js'),
        ]);
        const setup = await SessionSetup.read(this.artisan, driver);
        try {
            const { manager, trouble } = await setup.openManager(BOOT_MS);
            if (trouble && !manager.names().includes(setup.config.driver)) {
                throw trouble; // it may be one that the application adds
            }
            refuseUnknownDriver(driver, manager);
            const name = setup.config.driver;
            const opening = openScratch({ manager, name, options: setup.optionsOf(name) });
            const late = () => new CommandError(`Session driver [${name}] did not open within ${BOOT_MS} ms.`);
            const scratch = await inTime(opening, BOOT_MS, late);
            await this.try(name, scratch, json === true);
        } finally {
            await setup.close();
        }
    }

    private async try(driver: string, scratch: Scratch, isJson: boolean): Promise<void> {
        const started = performance.now();
        const line = (text: string) => isJson || this.line(text);
        const late = AbortSignal.timeout(LONGEST_MS);
        line(`Session driver [${driver}], ${scratch.where}.`);
        const { abilities, outcomes } = await this.run(scratch, AbortSignal.any([this.signal, late]), line);
        const failure = this.signal.aborted
            ? 'Stopped before the end.'
            : late.aborted
              ? `Stopped after ${LONGEST_MS / 1_000} s: the storage is slow, or does not answer.`
              : whyNot(outcomes);
        if (isJson) {
            this.terminal.json({ driver, ok: failure === undefined, abilities, promises: outcomes });
        } else {
            line(`\n${summaryOf(outcomes)} It took ${((performance.now() - started) / 1_000).toFixed(1)} s.`);
            this.terminal.pairs(inWords(abilities));
        }
        if (failure) {
            throw new CommandError(failure);
        }
    }

    /** Cleans up behind it, however it ends. */
    private async run(scratch: Scratch, signal: AbortSignal, line: (text: string) => unknown) {
        const { ContractRun } = await import('../Contract/ContractRun.js');
        const run = new ContractRun({
            scratch,
            signal,
            began: (group) => line(`\n${group}`),
            tried: (outcome) => line(this.lineOf(outcome)),
        });
        try {
            return { abilities: await run.run(), outcomes: run.outcomes };
        } finally {
            await run.settled(END_MS);
            const late = () => new CommandError(`The storage did not answer within ${END_MS} ms.`);
            await inTime(scratch.close(), END_MS, late);
        }
    }

    private lineOf({ name, result, reason, ms }: PromiseOutcome): string {
        const word = this.terminal.paint(PAINTS[result], result.padEnd(7));
        const time = (result === 'skipped' ? '' : `${ms.toFixed(0)} ms`).padStart(8);
        return `  ${word} ${time}  ${name}${reason ? `: ${reason}` : ''}`;
    }
}

function summaryOf(outcomes: readonly PromiseOutcome[]): string {
    const count = (result: PromiseOutcome['result']) => outcomes.filter((outcome) => outcome.result === result).length;
    const tried = outcomes.length - count('skipped');
    const skipped = count('skipped') > 0 ? ` ${count('skipped')} could not be tried.` : '';
    return `It keeps ${count('ok')} of ${tried} promises.${skipped}`;
}

/** Undefined where the driver does. */
function whyNot(outcomes: readonly PromiseOutcome[]): string | undefined {
    const failed = outcomes.filter(({ result }) => result === 'failed').length;
    return failed === 0
        ? undefined
        : `Sessions can't rely on this driver: ${failed} ${failed === 1 ? 'promise is' : 'promises are'} not kept.`;
}

/** What the driver can do, as it says itself. */
function inWords(abilities: DriverAbilities | undefined): [string, string][] {
    const { limits, lists, quarantines, survivesRestart, answersWithinMs, atomicBetweenProcesses } = abilities ?? {};
    return [
        ['limits', limits ?? 'none that it knows of'],
        ['lists its sessions', lists === false ? 'no' : 'yes'],
        ['sessions outlive a restart', yesOrNo(survivesRestart)],
        ['holds between processes', yesOrNo(atomicBetweenProcesses)],
        ['keeps damaged records for a look', yesOrNo(quarantines)],
        ['fails by itself after', answersWithinMs === undefined ? 'no time of its own' : `${answersWithinMs} ms`],
    ];
}

function yesOrNo(value: boolean | undefined): string {
    return value === undefined ? 'it does not say' : value ? 'yes' : 'no';
}
