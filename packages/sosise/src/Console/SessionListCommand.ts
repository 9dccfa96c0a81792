import type { StoredSession } from '../Session/Admin/StoredSessions.js';
import { counted, grouped, sizeOf } from '../Support/words.js';
import type { CommandInput } from './Command.js';
import { CommandError } from './CommandError.js';
import { DRIVER_OPTION, type OpenSessions, refuseNoUser, SessionCommand } from './SessionCommand.js';
import { shortened, spanOf } from './sessionTexts.js';
import { inColumns } from './Terminal.js';

/** Rows are printed as they come, so that no cell may ask for more room later. */
const HEAD = ['Fingerprint', 'User', 'Age', 'Last seen', 'Size'];
const USER_WIDTH = 24;
const WIDTHS = [HEAD[0]?.length ?? 0, USER_WIDTH, 7, 11, 8];
/** How many of a sorted list are kept in memory, unless --limit says otherwise. */
const SORTED_MOST = 100;
const SORTED_AT_ONCE = 1_000;

type Order = 'seen' | 'created' | 'size' | 'user';

const ORDERS: Readonly<Record<Order, (a: StoredSession, b: StoredSession) => number>> = {
    seen: (a, b) => b.lastSeen.getTime() - a.lastSeen.getTime(),
    created: (a, b) => b.created.getTime() - a.created.getTime(),
    size: (a, b) => b.bytes - a.bytes,
    user: (a, b) => byName(a.user, b.user) || b.lastSeen.getTime() - a.lastSeen.getTime(),
};

/** Shows the sessions that live, one after another as they are met: a million needs no more memory than ten. */
export class SessionListCommand extends SessionCommand {
    public readonly signature = 'session:list';
    public readonly description = 'Lists the sessions that live';
    public override readonly options = [
        DRIVER_OPTION,
        { flag: '--user <id>', description: "only this user's, found without a look at all others" },
        {
            flag: '--sort <order>',
            description: `the latest, the largest, or by user first; the first ${SORTED_MOST} unless --limit says otherwise`,
            choices: Object.keys(ORDERS),
        },
        { flag: '--limit <number>', description: 'at most so many', min: 1 },
        { flag: '--json', description: 'one JSON object a line, each as it is met (NDJSON)' },
    ];

    public async handle({ options }: CommandInput): Promise<void> {
        const { user, sort, json } = options as { user?: string; sort?: Order; json?: boolean };
        refuseNoUser(user);
        const open = await this.open(options, { needsList: user === undefined });
        const limit = (options['limit'] as number | undefined) ?? (sort ? SORTED_MOST : Number.POSITIVE_INFINITY);
        if (!json) {
            this.line(this.terminal.paint('bold', inColumns(HEAD, WIDTHS)));
        }
        const print = (session: StoredSession) =>
            this.line(json ? JSON.stringify({ ...session, user: session.user ?? null }) : rowOf(session));
        const summary = sort
            ? await this.printSorted(this.found(open, user), ORDERS[sort], { limit, print })
            : await this.printAll(this.found(open, user), { limit, print });
        if (this.signal.aborted && !this.isUnread) {
            throw new CommandError('Stopped before the end: there may be more.');
        }
        if (!json) {
            this.line(summary);
        }
    }

    private async *found({ sessions }: OpenSessions, user: string | undefined): AsyncGenerator<StoredSession> {
        const { signal } = this;
        for await (const session of user === undefined ? sessions.all({ signal }) : sessions.ofUser(user)) {
            if (signal.aborted) {
                return;
            }
            yield session;
        }
    }

    private async printAll(found: AsyncIterable<StoredSession>, { limit, print }: Printing): Promise<string> {
        let count = 0;
        for await (const session of found) {
            if (count === limit) {
                return `${counted(count, 'session')}; there are more.`;
            }
            print(session);
            count += 1;
        }
        return `${counted(count, 'session')}.`;
    }

    private async printSorted(
        found: AsyncIterable<StoredSession>,
        order: (a: StoredSession, b: StoredSession) => number,
        { limit, print }: Printing,
    ): Promise<string> {
        let top: StoredSession[] = [];
        const cut = () => {
            top = top.sort(order).slice(0, limit);
        };
        const progress = this.quietProgress();
        let count = 0;
        for await (const session of found) {
            top.push(session);
            count += 1;
            if (top.length >= limit + SORTED_AT_ONCE) {
                cut(); // no more is kept in memory than is printed
            }
            progress.looked();
        }
        progress.end();
        cut();
        top.forEach(print);
        return count > limit ? `${grouped(limit)} of ${counted(count, 'session')}.` : `${counted(count, 'session')}.`;
    }
}

interface Printing {
    readonly limit: number;
    print(session: StoredSession): void;
}

function rowOf({ fingerprint, user, created, lastSeen, bytes }: StoredSession): string {
    const now = Date.now();
    const cells = [
        fingerprint,
        user === undefined ? '-' : shortened(user, USER_WIDTH),
        spanOf(now - created.getTime()),
        `${spanOf(now - lastSeen.getTime())} ago`,
        sizeOf(bytes),
    ];
    return inColumns(cells, WIDTHS);
}

/** Numbers by their value; visitors last. */
function byName(a: string | undefined, b: string | undefined): number {
    if (a === undefined || b === undefined) {
        return Number(a === undefined) - Number(b === undefined);
    }
    return a.localeCompare(b, 'en', { numeric: true });
}
