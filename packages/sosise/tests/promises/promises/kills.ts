import { setTimeout as sleep } from 'node:timers/promises';
import { onlyKept, onlyPostgres, type SessionPromise, shown, type Trial } from '../Outcome.js';
import { isOurs, type Rig } from '../System.js';
import { Visitor } from '../Visitor.js';
import { knownVisitor } from './parallel.js';

const WRITERS = 16;
/** How long a server may take to be found again. */
const RECOVERS_MS = 2_000;
const UNAVAILABLE = 'the session is 503';

/** What clients saw and what they only asked for, per session. */
interface Account {
    readonly visitor: Visitor;
    /** The last value of each writer's key that was answered, and the last that was asked for. */
    readonly answered: number[];
    readonly asked: number[];
    counted: number;
    countsAsked: number;
}

export const kills: SessionPromise[] = [
    {
        name: 'kill -9 during 16-way writes',
        without: onlyKept,
        async run(trial) {
            const session = { pruneIntervalMs: 400 };
            await trial.on({ session }, (rig) => killAndLook(trial, rig));
        },
    },
    {
        name: 'pg_terminate_backend during 16-way writes',
        without: onlyPostgres,
        async run(trial) {
            await trial.on({}, (rig) => strikeAndLook(trial, rig, 60, () => rig.postgres.terminateBackends()));
        },
    },
    {
        name: 'kill -9 of PostgreSQL during 16-way writes',
        without: onlyPostgres,
        async run(trial) {
            await trial.on({}, (rig) =>
                strikeAndLook(trial, rig, 20, async () => {
                    await rig.postgres.kill();
                    await rig.postgres.start();
                }),
            );
        },
    },
];

/** Strikes at the server of the sessions in the middle of writes, and looks what there is once it answers again. */
async function strikeAndLook(trial: Trial, rig: Rig, most: number, strike: () => Promise<void>): Promise<void> {
    const accounts = await openAccounts(rig);
    for (let round = trial.rounds(most, 3); round > 0; round -= 1) {
        const load = writeUntilStopped(rig, accounts);
        await sleep(20 + Math.random() * 100);
        await strike();
        trial.outcome.kills += 1;
        await sleep(20);
        await load.stop();
        const until = performance.now() + RECOVERS_MS;
        let lost = await missing(rig, accounts);
        while (lost?.includes(UNAVAILABLE) && performance.now() < until) {
            await sleep(50);
            lost = await missing(rig, accounts);
        }
        trial.outcome.round(lost);
    }
}

async function killAndLook(trial: Trial, rig: Rig): Promise<void> {
    const accounts = await openAccounts(rig);
    const rounds = trial.rounds(100, 5);
    let spare = rig.spare();
    try {
        for (let round = 0; round < rounds; round += 1) {
            const victim = round % rig.servers.length;
            const load = writeUntilStopped(rig, accounts);
            await sleep(20 + Math.random() * 100);
            const replaced = rig.replace(victim, spare);
            const stopped = load.stop();
            spare = rig.spare();
            await Promise.all([replaced, stopped]);
            trial.outcome.kills += 1;
            trial.outcome.round(await missing(rig, accounts));
        }
    } finally {
        await spare.kill();
    }
    trial.outcome.round(await leftover(rig));
}

async function openAccounts(rig: Rig): Promise<Account[]> {
    // Hand-wired, parallel writers would lose each other's keys without any kill: there each has a session to itself.
    const sessions = isOurs(rig.system) ? 6 : WRITERS;
    const accounts: Account[] = [];
    for (let index = 0; index < sessions; index += 1) {
        accounts.push({
            visitor: await knownVisitor(rig),
            answered: Array(WRITERS).fill(0),
            asked: Array(WRITERS).fill(0),
            counted: 0,
            countsAsked: 0,
        });
    }
    return accounts;
}

function writeUntilStopped(rig: Rig, accounts: readonly Account[]): { stop(): Promise<unknown> } {
    let isStopped = false;
    const writer = async (index: number) => {
        for (let turn = index; !isStopped; turn += 1) {
            const account = accounts[isOurs(rig.system) ? turn % accounts.length : index] as Account;
            await (turn % 3 === 0 ? count(rig, account) : write(rig, account, index)).catch(() => sleep(3));
        }
    };
    const writers = Promise.all(Array.from({ length: WRITERS }, (_, index) => writer(index)));
    return {
        stop() {
            isStopped = true;
            return writers;
        },
    };
}

async function write(rig: Rig, account: Account, writer: number): Promise<void> {
    const value = (account.asked[writer] ?? 0) + 1;
    account.asked[writer] = value;
    const { status } = await account.visitor.copy().get(rig.url(`/set/w${writer}/${value}`));
    if (status === 200) {
        account.answered[writer] = value;
    }
}

async function count(rig: Rig, account: Account): Promise<void> {
    account.countsAsked += 1;
    const { status } = await account.visitor.copy().get(rig.url('/increment/count'));
    if (status === 200) {
        account.counted += 1;
    }
}

/** A change that a client saw acknowledged and that is not there, or one that nobody asked for. */
async function missing(rig: Rig, accounts: readonly Account[]): Promise<string | undefined> {
    for (const { visitor, answered, asked, counted, countsAsked } of accounts) {
        const { status, body } = await visitor.copy().get(rig.url('/read'));
        const keys = body as Record<string, unknown>;
        if (status !== 200 || keys.known !== 'yes') {
            return `the session is ${status} ${shown(body)}`;
        }
        for (const [writer, value] of answered.entries()) {
            const stored = Number(keys[`w${writer}`] ?? 0);
            if (stored < value || stored > (asked[writer] ?? 0)) {
                return `writer ${writer} was told ${value}, and ${stored} is stored`;
            }
        }
        const stored = Number(keys.count ?? 0);
        if (stored < counted || stored > countsAsked) {
            return `${counted} additions were answered, and ${stored} is stored`;
        }
    }
    const damaged = rig.setAside().length;
    return damaged > 0 ? `${damaged} torn records` : undefined;
}

/** Locks and temporary files of the dead have to go by themselves, within a few prunings. */
async function leftover(rig: Rig): Promise<string | undefined> {
    for (let look = 0; look < 40; look += 1) {
        if (rig.leftovers().length === 0) {
            return undefined;
        }
        await sleep(100);
    }
    return `${rig.leftovers().length} locks or temporary files stay, such as ${rig.leftovers()[0]?.slice(-20)}`;
}
