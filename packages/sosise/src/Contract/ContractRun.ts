import type { DriverAbilities } from '../Session/Drivers/SessionDriver.js';
import { inTime } from '../Support/Deadlines.js';
import { driverPromises } from './driverPromises.js';
import { facePromises } from './facePromises.js';
import { failureOf, firstLine, lackedBy, mayLack, waitingLast } from './judge.js';
import type { Scratch } from './openScratch.js';
import { ScratchDriver } from './ScratchDriver.js';
import { StoreBench } from './StoreBench.js';
import type { StorePromise } from './StorePromise.js';

/** What came of one promise. `lacks`: a store may do without. */
export interface PromiseOutcome {
    readonly name: string;
    readonly result: 'ok' | 'lacks' | 'failed' | 'skipped';
    /** Why it is not `ok`. */
    readonly reason?: string;
    readonly ms: number;
}

export interface ContractRunOptions {
    readonly scratch: Scratch;
    /** Ends the run: promises that were not tried are skipped. */
    readonly signal: AbortSignal;
    /** Hears of a group of promises, such as `as a driver, it`, and of each outcome when it is known. */
    readonly began: (group: string) => void;
    readonly tried: (outcome: PromiseOutcome) => void;
}

/** Tries a store against all promises, one after the other: what vitest does in testSessionStore, without vitest. */
export class ContractRun {
    public readonly outcomes: PromiseOutcome[] = [];
    private readonly stopped: Promise<'stopped'>;
    private readonly running = new Set<Promise<unknown>>();

    public constructor(private readonly options: ContractRunOptions) {
        const { signal } = options;
        this.stopped = new Promise((resolve) => {
            signal.addEventListener('abort', () => resolve('stopped'), { once: true });
            if (signal.aborted) {
                resolve('stopped');
            }
        });
    }

    /** Gives what the driver says that it can do. */
    public async run(): Promise<DriverAbilities | undefined> {
        const probe = await Promise.race([this.probe(), this.stopped]);
        if (probe === 'stopped') {
            return undefined;
        }
        if (probe.face) {
            await this.tryAll('as an express-session store, it', facePromises, probe);
        }
        await this.tryAll(isDriver(probe) ? 'as a driver, it' : 'behind the adapter, it', driverPromises, probe);
        return probe.driver.abilities;
    }

    /** Waits for promises that were under way when the run was stopped, so that nothing is written behind it. */
    public async settled(timeoutMs: number): Promise<void> {
        await inTime(Promise.all(this.running), timeoutMs, () => new Error('still under way')).catch(() => undefined);
    }

    /** What a store tells of itself. */
    private async probe(): Promise<StoreBench> {
        const bench = await StoreBench.open(this.options.scratch.open);
        await bench.close();
        return bench;
    }

    private async tryAll(group: string, promises: readonly StorePromise[], probe: StoreBench): Promise<void> {
        this.options.began(group);
        const waiting: Promise<void>[] = [];
        for (const promise of waitingLast(promises)) {
            const tried = this.try(promise, probe);
            await (promise.waits ? waiting.push(tried) : tried);
        }
        await Promise.all(waiting);
    }

    private async try(promise: StorePromise, probe: StoreBench): Promise<void> {
        const reason = this.whySkipped(promise, probe);
        if (reason !== undefined) {
            this.tell({ name: promise.name, result: 'skipped', reason, ms: 0 });
            return;
        }
        const started = performance.now();
        const failing = failureOf(promise, this.options.scratch.open).catch((error: Error) => error);
        this.running.add(failing);
        const failure = await Promise.race([failing, this.stopped]);
        const ms = performance.now() - started;
        if (failure === 'stopped') {
            this.tell({ name: promise.name, result: 'skipped', reason: 'it was stopped', ms });
            return;
        }
        this.running.delete(failing);
        const known = isDriver(probe) ? lackedBy(probe.driver.abilities) : undefined;
        const isAllowed = mayLack(promise, isDriver(probe), known);
        this.tell({
            name: promise.name,
            result: failure ? (isAllowed ? 'lacks' : 'failed') : 'ok',
            ...(failure && { reason: firstLine(failure) }),
            ms,
        });
    }

    private whySkipped(promise: StorePromise, { canReopen }: StoreBench): string | undefined {
        if (this.options.signal.aborted) {
            return 'it was not reached';
        }
        return promise.needsReopen && !canReopen ? 'nobody else can reach this storage' : undefined;
    }

    private tell(outcome: PromiseOutcome): void {
        this.outcomes.push(outcome);
        this.options.tried(outcome);
    }
}

/** A plain store from npm is seen through the adapter, also inside a scratch. */
function isDriver({ driver, isDriver }: StoreBench): boolean {
    return driver instanceof ScratchDriver ? !driver.isPlain : isDriver;
}
