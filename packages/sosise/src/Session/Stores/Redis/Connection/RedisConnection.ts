import { setTimeout as sleep } from 'node:timers/promises';
import { type Deadline, Deadlines, inTime } from '../../../../Support/Deadlines.js';
import { Throttle } from '../../../../Support/Throttle.js';
import { lost, RedisError, refused } from './RedisError.js';
import type { RedisLink, SendCommand } from './RedisLink.js';

export interface RedisConnectionOptions {
    /** How long a command may take, in ms. */
    readonly commandTimeoutMs: number;
    /** How long one connection may take to be made, and how long `open` tries, in ms. */
    readonly connectTimeoutMs: number;
    /** Makes a new client, not connected yet. */
    makeLink(): RedisLink;
    /** Whether an error is the server's answer, and not a failed connection. */
    isReply(error: unknown): error is Error;
    warn(message: string): void;
}

interface Outage {
    /** The connection is back, or the first moment is over, in which it is waited for. */
    readonly over: Promise<void>;
    readonly end: () => void;
    cause: RedisError;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** After a failover, the connection may still lead to the server that was the master: a new one finds the new master. */
const REPLACE_READ_ONLY_EVERY_MS = 1_000;

/**
 * Commands to Redis are answered, or fail, in time, whatever happens to the server. While the server is unavailable they fail
 * at once and nothing piles up, except in the first moment: a server that restarts may be back by then. The connection is made
 * again by itself.
 */
export class RedisConnection {
    private readonly deadlines: Deadlines;
    private link: RedisLink | undefined;
    private outage: Outage | undefined;
    /** Commands of the link are overdue, and no answer came: until when the link is kept. */
    private silent: Deadline | undefined;
    private replacedAt = Number.NEGATIVE_INFINITY;
    private readonly warnings = new Throttle();
    private readonly closing = new AbortController();

    public constructor(private readonly options: RedisConnectionOptions) {
        this.deadlines = new Deadlines(options.commandTimeoutMs);
    }

    /** Connects, and tries again where the server is not there yet; throws RedisError when the time is over. */
    public async open(): Promise<void> {
        const until = performance.now() + this.options.connectTimeoutMs;
        let before: unknown;
        for (let tries = 0; ; tries += 1) {
            try {
                this.link = await this.connect(Math.max(1, until - performance.now()));
                await this.ask(undefined, ['PING']);
                return;
            } catch (error) {
                this.drop(this.link);
                const pause = pauseAfter(tries);
                const { isLasting, code } = error as RedisError;
                if (isLasting || performance.now() + pause > until) {
                    // The last try may have been cut short by the end alone: the one before knows what is wrong.
                    throw code === 'ETIMEDOUT' ? (before ?? error) : error;
                }
                before = error;
                await sleep(pause);
            }
        }
    }

    /** The answer to a command. Rejects with RedisError. */
    public ask(key: string | undefined, args: readonly string[]): Promise<unknown> {
        const { link } = this;
        return link && !this.isSilent(link) ? this.send(link, link.send(key, args)) : this.askLater(key, args);
    }

    /** The same for a command that changes nothing: it is sent again where the connection broke under it. */
    public askAgain(key: string | undefined, args: readonly string[]): Promise<unknown> {
        const { link } = this;
        return link && !this.isSilent(link)
            ? this.send(link, link.send(key, args), () => this.ask(key, args))
            : this.askLater(key, args);
    }

    /** All servers that hold a part of the keys, each with the same limits. */
    public async nodes(): Promise<SendCommand[]> {
        const link = this.link ?? (await this.back());
        const nodes = await link.nodes().catch((error) => Promise.reject(this.errorOf(link, error)));
        return nodes.map(
            (send) => (args) =>
                this.isSilent(link) ? Promise.reject(this.silence('unsent')) : this.send(link, send(args)),
        );
    }

    /** Waits for answers that are under way, and gives up the connection. */
    public async close(): Promise<void> {
        const { link } = this;
        this.closing.abort();
        if (link && !this.silent) {
            await this.ask(undefined, ['PING']).catch(() => undefined); // answered after all before it
        }
        this.drop(link);
        this.outage?.end();
    }

    /** Gives an answer its time. @param again Sends the command again, where that does no harm. */
    private send(link: RedisLink, answer: Promise<unknown>, again?: () => Promise<unknown>): Promise<unknown> {
        return new Promise((resolve, reject) => {
            const waiting = this.deadlines.start(() => {
                this.overdue(link);
                reject(this.silence('lost'));
            });
            answer.then(
                (reply) => {
                    waiting.end();
                    this.heard();
                    resolve(reply);
                },
                (error) => {
                    const isWaitedFor = waiting.end();
                    const failure = this.errorOf(link, error);
                    again && isWaitedFor && failure.kind === 'lost' ? resolve(again()) : reject(failure);
                },
            );
        });
    }

    private async askLater(key: string | undefined, args: readonly string[]): Promise<unknown> {
        const link = await this.back();
        if (this.isSilent(link)) {
            throw this.silence('unsent');
        }
        return this.send(link, link.send(key, args));
    }

    /** Whether more commands would only wait behind those that are overdue. */
    private isSilent(link: RedisLink): boolean {
        return this.silent !== undefined && link.isSingle;
    }

    /** The link that comes back in the first moment of an outage; later it fails at once. */
    private async back(): Promise<RedisLink> {
        const { outage } = this;
        if (this.link) {
            return this.link;
        }
        await outage?.over;
        if (!this.link) {
            throw asUnsent(
                this.outage?.cause ?? new RedisError('The connection to Redis is closed.', 'ECLOSED', 'unsent'),
            );
        }
        return this.link;
    }

    /** @param limitMs In ms. */
    private async connect(limitMs = this.options.connectTimeoutMs): Promise<RedisLink> {
        const link = this.options.makeLink();
        link.onError((error) => this.failed(link, error));
        try {
            await inTime(
                link.connect(),
                limitMs,
                () => new RedisError("Redis can't be reached (ETIMEDOUT).", 'ETIMEDOUT', 'unsent'),
            );
            return link;
        } catch (error) {
            destroy(link);
            throw this.options.isReply(error) ? refused(error) : lost(error, 'unsent');
        }
    }

    private failed(link: RedisLink, error: unknown): void {
        if (link !== this.link) {
            return; // not connected yet, or given up
        }
        if (link.isSingle) {
            this.replace(link, lost(error));
        } else {
            this.warn(`${lost(error).message} The client goes on by itself.`); // it knows the other servers
        }
    }

    /** No answer in time. The connection is kept for a while: a server that was only stopped answers on it. */
    private overdue(link: RedisLink): void {
        if (this.silent || link !== this.link) {
            return;
        }
        this.silent = Deadlines.of(this.options.connectTimeoutMs).start(() => this.replace(link, this.silence('lost')));
        this.warn(
            `Redis does not answer within ${this.options.commandTimeoutMs} ms: requests that need a session get a 503.`,
        );
    }

    private errorOf(link: RedisLink, error: unknown): RedisError {
        if (!this.options.isReply(error)) {
            return lost(error);
        }
        this.heard();
        const failure = refused(error);
        const now = performance.now();
        if (failure.code === 'READONLY' && link.isSingle && now - this.replacedAt > REPLACE_READ_ONLY_EVERY_MS) {
            this.replacedAt = now;
            this.replace(link, failure);
        }
        return failure;
    }

    private outageFrom(cause: RedisError): Outage {
        let resolve = () => {};
        const over = new Promise<void>((settle) => {
            resolve = settle;
        });
        const deadline = Deadlines.of(this.options.commandTimeoutMs).start(resolve);
        const end = () => {
            deadline.end();
            resolve();
        };
        return { over, end, cause };
    }

    private replace(link: RedisLink, cause: RedisError): void {
        if (link !== this.link || this.closing.signal.aborted) {
            return;
        }
        this.outage = this.outageFrom(cause);
        this.drop(link);
        void this.reconnect(this.outage);
    }

    private async reconnect(outage: Outage): Promise<void> {
        for (let tries = 0; !this.closing.signal.aborted; tries += 1) {
            try {
                const link = await this.connect();
                if (this.closing.signal.aborted) {
                    destroy(link);
                    return;
                }
                this.link = link;
                this.outage = undefined;
                outage.end();
                return;
            } catch (error) {
                outage.cause = lost(error);
                if (tries === 1) {
                    this.warn(
                        `${outage.cause.message} It is tried again until it is back; requests that need a session get a 503.`,
                    );
                }
            }
            await sleep(pauseAfter(tries), undefined, { signal: this.closing.signal }).catch(() => undefined);
        }
    }

    private drop(link: RedisLink | undefined): void {
        if (link) {
            this.link = undefined;
            this.heard();
            destroy(link);
        }
    }

    private heard(): void {
        this.silent?.end();
        this.silent = undefined;
    }

    private silence(kind: 'lost' | 'unsent'): RedisError {
        return new RedisError(`Redis did not answer within ${this.options.commandTimeoutMs} ms.`, 'ETIMEDOUT', kind);
    }

    private warn(message: string): void {
        if (this.warnings.isDue()) {
            this.options.warn(message);
        }
    }
}

/** Longer each time, and not the same for all processes that lost the server at one moment. */
function pauseAfter(tries: number): number {
    return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries) * (0.75 + Math.random() / 2);
}

function asUnsent({ message, code, kind }: RedisError): RedisError {
    return new RedisError(message, code, kind === 'refused' ? 'refused' : 'unsent');
}

function destroy(link: RedisLink): void {
    try {
        link.destroy();
    } catch {
        // It was never open, or is closed already.
    }
}
