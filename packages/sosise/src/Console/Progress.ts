import { grouped } from '../Support/words.js';
import { spanOf } from './sessionTexts.js';
import { terminal } from './Terminal.js';

const REDRAWN_MS = 100;
const LINE_EVERY_MS = 1_000;

/** How far long work has come: one line that is redrawn on a terminal, now and then a line of its own elsewhere. */
export class Progress {
    /** How many there will be, once that is known: then the time left is told. */
    public total: number | undefined;
    private readonly started = performance.now();
    private told = this.started;
    private walk = 1;
    private walkStarted = this.started;
    private isDrawn = false;

    /** @param unit What is counted: `sessions`. */
    public constructor(private readonly unit: string) {}

    /**
     * @param done How many are done. @param details What else is to be told, behind the count. @param walk Which way through
     * them it is: with the next one the count restarts.
     */
    public update(done: number, details = '', walk = 1): void {
        const now = performance.now();
        if (walk !== this.walk) {
            this.walk = walk;
            this.walkStarted = now;
        }
        if (now - this.told < (terminal.isInteractive ? REDRAWN_MS : LINE_EVERY_MS)) {
            return;
        }
        this.told = now;
        const text = this.textOf(done, (now - this.walkStarted) / 1_000, details);
        if (terminal.isInteractive) {
            process.stdout.write(`\r${text.slice(0, (process.stdout.columns || 80) - 1)}\x1b[K`);
            this.isDrawn = true;
        } else {
            terminal.line(text);
        }
    }

    /** Takes the redrawn line away, for what is printed next. */
    public end(): void {
        if (this.isDrawn) {
            process.stdout.write('\r\x1b[K');
            this.isDrawn = false;
        }
    }

    /** Seconds since it began, with one digit behind the point. */
    public get seconds(): string {
        return ((performance.now() - this.started) / 1_000).toFixed(1);
    }

    private textOf(done: number, seconds: number, details: string): string {
        const { total, unit } = this;
        const perSecond = done / seconds;
        const parts = [
            total === undefined
                ? `${grouped(done)} ${unit}`
                : `${grouped(done)} of ${grouped(Math.max(total, done))} ${unit}`,
            details,
            `${grouped(Math.round(perSecond))} a second`,
            total !== undefined && done > 0 ? `${spanOf((Math.max(0, total - done) / perSecond) * 1_000)} left` : '',
        ];
        return parts.filter(Boolean).join(', ');
    }
}
