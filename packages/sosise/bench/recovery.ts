import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Browser, type Visit } from '../tests/helpers/Browser.js';
import type { PostgresCluster } from '../tests/helpers/PostgresCluster.js';
import type { RedisServer } from '../tests/helpers/redis.js';
import { AppProcess } from './AppProcess.js';
import { fixed, markdown } from './report.js';
import { median } from './rows.js';

/** What can be done to either server. */
interface Server {
    freeze(): void;
    thaw(): void;
    kill(): Promise<void>;
    start(): Promise<void>;
}

interface Trouble {
    title: string;
    /** How long it lasts, in ms. */
    lastsMs: number;
    begin(): unknown;
    end(): unknown;
}

const ofEither = (server: Server): Trouble[] => {
    const frozen = { begin: () => server.freeze(), end: () => server.thaw() };
    const killed = { begin: () => server.kill(), end: () => server.start() };
    return [
        { title: 'frozen (SIGSTOP) for 3 s', lastsMs: 3_000, ...frozen },
        { title: 'frozen for 12 s, new connections tried', lastsMs: 12_000, ...frozen },
        { title: 'killed, away for 3 s', lastsMs: 3_000, ...killed },
        { title: 'killed, away for 12 s', lastsMs: 12_000, ...killed },
    ];
};

const ofRedis = (redis: RedisServer): Trouble[] => [
    ...ofEither(redis),
    { title: 'slow: one command takes 3 s', lastsMs: 3_000, begin: () => occupy(redis), end: () => {} },
    {
        title: 'full (maxmemory, noeviction)',
        lastsMs: 3_000,
        begin: () => redis.cli('CONFIG', 'SET', 'maxmemory', '1'),
        end: () => redis.cli('CONFIG', 'SET', 'maxmemory', '0'),
    },
    {
        title: 'a read-only replica',
        lastsMs: 3_000,
        begin: () => redis.cli('REPLICAOF', '127.0.0.1', '1'),
        end: () => redis.cli('REPLICAOF', 'NO', 'ONE'),
    },
];

const ofPostgres = (cluster: PostgresCluster): Trouble[] => [
    ...ofEither(cluster),
    { title: 'slow: the table is locked for 4 s', lastsMs: 4_000, begin: () => lockTable(cluster), end: () => {} },
    {
        title: 'read-only, as a replica is',
        lastsMs: 3_000,
        begin: () => setReadOnly(cluster, true),
        end: () => setReadOnly(cluster, false),
    },
    {
        title: 'out of connections, those that there were ended',
        lastsMs: 3_000,
        begin: async () => {
            await cluster.sql('ALTER ROLE shop CONNECTION LIMIT 0');
            await cluster.terminateBackends();
        },
        end: () => cluster.sql('ALTER ROLE shop CONNECTION LIMIT -1'),
    },
    {
        title: 'without its table',
        lastsMs: 3_000,
        begin: () => cluster.sql('ALTER TABLE sessions RENAME TO elsewhere'),
        end: () => cluster.sql('ALTER TABLE elsewhere RENAME TO sessions'),
    },
];

/** What a server that is started again reads back. */
const KEPT = ['--appendonly', 'yes', '--appendfsync', 'always', '--enable-debug-command', 'yes'];
const CHANGE: Visit = { method: 'POST', body: { add: 1, note: 'changed' } };
const OFTEN_MS = 5;
const GIVE_UP_MS = 60_000;

export interface Recovery {
    title: string;
    /** Medians in ms: the first refusal, one when the trouble is known, and a route without a session meanwhile. */
    refusedMs: number;
    thenMs: number;
    plainMs: number;
    /** From the end of the trouble to the first change that is stored, in ms. */
    backMs: number;
    slowestMs: number;
}

/** Ours, with one visitor who keeps changing a session. Throws where it loses something, or does not refuse. */
export async function measureRecovery(
    driver: string,
    { rounds, node }: { rounds: number; node: string },
    say: (text: string) => void,
): Promise<Recovery[]> {
    const app = await AppProcess.start('ours', {
        node,
        ...(driver === 'database' ? { driver, cluster: true } : { driver: 'redis', redis: KEPT }),
    });
    try {
        await app.ready('/plain');
        const visitor = new Browser(`http://127.0.0.1:${app.port}`);
        await visitor.visit('/new', {
            method: 'POST',
            body: { user: 1, name: 'Visitor', email: 'visitor@example.com' },
        });
        const results: Recovery[] = [];
        const troubles = app.cluster ? ofPostgres(app.cluster) : ofRedis(app.redis as RedisServer);
        for (const trouble of troubles) {
            const met: Awaited<ReturnType<typeof meet>>[] = [];
            for (let round = 1; round <= rounds; round += 1) {
                say(`${trouble.title}: round ${round} of ${rounds}`);
                met.push(await meet(app, visitor, trouble));
            }
            const middle = (pick: (one: (typeof met)[number]) => number) => median(met.map(pick));
            results.push({
                title: trouble.title,
                refusedMs: middle(({ refused }) => refused),
                thenMs: middle(({ then }) => then),
                plainMs: middle(({ plain }) => plain),
                backMs: middle(({ back }) => back),
                slowestMs: Math.max(...met.map(({ back }) => back)),
            });
        }
        return results;
    } finally {
        await app.stop();
    }
}

async function meet(app: AppProcess, visitor: Browser, trouble: Trouble) {
    const before = await countOf(visitor);
    const ends = performance.now() + trouble.lastsMs;
    await trouble.begin();
    const refused = await timed(visitor, '/change', 503, CHANGE);
    const then = await timed(visitor, '/change', 503, CHANGE);
    const plain = await timed(visitor, '/plain', 200);
    await sleep(Math.max(0, ends - performance.now()));
    await trouble.end();
    const ended = performance.now();
    while ((await visitor.visit('/change', CHANGE)).status !== 200) {
        if (!app.isAlive || performance.now() - ended > GIVE_UP_MS) {
            throw new Error(`${trouble.title}: the application did not come back.`);
        }
        await sleep(OFTEN_MS);
    }
    const back = performance.now() - ended;
    const after = await countOf(visitor);
    // A change that was never answered may have been stored.
    if (after <= before) {
        throw new Error(`${trouble.title}: ${before} changes were stored before, and are ${after} now.`);
    }
    return { refused, then, plain, back };
}

async function countOf(visitor: Browser): Promise<number> {
    const { data } = (await visitor.json('/read')) as { data: { count: number } };
    return data.count;
}

async function timed(visitor: Browser, path: string, status: number, visit?: Visit): Promise<number> {
    const started = performance.now();
    const answer = await visitor.visit(path, visit);
    await answer.text();
    if (answer.status !== status) {
        throw new Error(`${path} was answered ${answer.status}, and not ${status}.`);
    }
    return performance.now() - started;
}

/** Lets the server sleep; it has heard so when this is done. */
async function occupy(redis: RedisServer): Promise<void> {
    const socket = connect(redis.port, '127.0.0.1');
    socket.on('data', () => socket.destroy());
    await new Promise<void>((done) => socket.write('DEBUG SLEEP 3\r\n', () => done()));
    await sleep(20);
}

/** Another transaction has it; done when it does. */
async function lockTable(cluster: PostgresCluster): Promise<void> {
    const waiting = cluster.sql('BEGIN; LOCK TABLE sessions; SELECT pg_sleep(4); COMMIT');
    waiting.catch(() => undefined);
    await sleep(100);
}

async function setReadOnly(cluster: PostgresCluster, isOn: boolean): Promise<void> {
    await cluster.sql(`ALTER SYSTEM SET default_transaction_read_only = ${isOn ? 'on' : 'off'}`);
    await cluster.sql('SELECT pg_reload_conf()');
}

export function recoveryTable(driver: string, recoveries: readonly Recovery[]): string {
    return markdown(
        [
            driver === 'database' ? 'PostgreSQL is' : 'Redis is',
            '503 after ms',
            'then after ms',
            'without a session ms',
            'well again after ms (slowest)',
        ],
        recoveries.map(({ title, refusedMs, thenMs, plainMs, backMs, slowestMs }) => [
            title,
            fixed(refusedMs, 0),
            fixed(thenMs, 0),
            fixed(plainMs, 0),
            `${fixed(backMs, 0)} (${fixed(slowestMs, 0)})`,
        ]),
    );
}
