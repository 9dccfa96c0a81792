import { setTimeout as sleep } from 'node:timers/promises';
import { type SessionPromise, shown } from '../Outcome.js';
import { hasLeases, isOurs, type Rig, type System } from '../System.js';
import type { Answer, Visitor } from '../Visitor.js';
import { knownVisitor } from './parallel.js';

const ours = (system: System) => (isOurs(system) ? undefined : 'has no locks');
const LOCK_WAIT = 400;
/** A lease ends so long after its process was last heard of. */
const LEASE_MS = 5_000;
const session = { lockTimeoutMs: LOCK_WAIT };

export const locks: SessionPromise[] = [
    {
        name: 'waiting for exclusive() is bounded, others never wait',
        without: ours,
        async run(trial) {
            await trial.on({ session }, async (rig) => {
                for (let round = trial.rounds(5, 2); round > 0; round -= 1) {
                    const [visitor, other] = [await knownVisitor(rig), await knownVisitor(rig)];
                    let isHeld = true;
                    const holder = visitor.copy().get(rig.urlOf(0, '/exclusive/hold?wait=2000'));
                    const released = holder.finally(() => {
                        isHeld = false;
                    });
                    await sleep(100);
                    // Whatever the machine is busy with: what is answered while it is held has not waited for its end.
                    const during = async (visitor: Visitor, path: string) => {
                        const answer = await visitor.get(rig.urlOf(1, path));
                        return { answer, wasHeld: isHeld };
                    };
                    const [waited, free, plain] = await Promise.all([
                        during(visitor.copy(), '/exclusive/add'),
                        during(other, '/exclusive/add'),
                        during(visitor.copy(), '/read'),
                    ]);
                    const passed = ({ answer, wasHeld }: typeof free) => wasHeld && answer.status === 200;
                    trial.outcome.round(waited.wasHeld ? busy(waited.answer, LOCK_WAIT) : told(waited.answer));
                    trial.outcome.round(passed(free) ? undefined : `another session: ${told(free.answer)}`);
                    trial.outcome.round(passed(plain) ? undefined : `without it: ${told(plain.answer)}`);
                    const { status } = await released;
                    const next = await visitor.copy().get(rig.urlOf(1, '/exclusive/add'));
                    trial.outcome.round(status === 200 && next.status === 200 ? undefined : `after it: ${told(next)}`);
                }
            });
        },
    },
    {
        name: 'a dead holder’s lock ends',
        without: (system) => ours(system) ?? (system.store === 'memory' ? 'dies with its sessions' : undefined),
        async run(trial) {
            const endsMs = hasLeases(trial.system) ? LEASE_MS : 0;
            await trial.on({ session: { lockTimeoutMs: LOCK_WAIT + endsMs } }, async (rig) => {
                for (let round = trial.rounds(endsMs > 0 ? 4 : 10, 2); round > 0; round -= 1) {
                    const visitor = await knownVisitor(rig);
                    const spare = rig.spare();
                    const holder = visitor.copy().get(rig.urlOf(0, '/exclusive/hold?wait=60000'));
                    const died = holder.catch(() => 'died');
                    await sleep(60);
                    await rig.replace(0, spare);
                    trial.outcome.kills += 1;
                    const next = await visitor.copy().get(rig.urlOf(1, '/exclusive/add'));
                    const isRight = (await died) === 'died' && next.status === 200 && next.ms < endsMs + 1_000;
                    trial.outcome.round(isRight ? undefined : `after the kill: ${told(next)}`);
                }
            });
        },
    },
    {
        name: 'a live holder’s lock is never stolen (SIGSTOP)',
        without: (system) => ours(system) ?? (system.processes === 1 ? 'takes two processes' : undefined),
        async run(trial) {
            await trial.on({ session }, async (rig) => {
                for (let round = trial.rounds(3); round > 0; round -= 1) {
                    const visitor = await knownVisitor(rig);
                    const holder = visitor.copy().get(rig.urlOf(0, '/exclusive/add?wait=200'));
                    await sleep(100);
                    rig.servers[0]?.freeze();
                    for (let attempt = 0; attempt < 5; attempt += 1) {
                        const stolen = await visitor.copy().get(rig.urlOf(1, '/exclusive/add'));
                        trial.outcome.round(busy(stolen, LOCK_WAIT));
                    }
                    rig.servers[0]?.thaw();
                    const { status } = await holder;
                    const next = await visitor.copy().get(rig.urlOf(1, '/exclusive/add'));
                    const isRight = status === 200 && next.status === 200 && next.body === 2;
                    trial.outcome.round(isRight ? undefined : `holder ${status}, then ${told(next)}`);
                }
            });
        },
    },
    {
        name: 'a holder that was stopped until its lock ended stores nothing (SIGSTOP)',
        without: (system) =>
            hasLeases(system) && system.processes > 1 ? ours(system) : 'takes two processes, and locks that end',
        async run(trial) {
            await trial.on({ session: { lockTimeoutMs: LEASE_MS + LOCK_WAIT } }, async (rig) => {
                for (let round = trial.rounds(4, 1); round > 0; round -= 1) {
                    const visitor = await knownVisitor(rig);
                    const holder = visitor.copy().get(rig.urlOf(0, '/exclusive/add?wait=200'));
                    await sleep(100);
                    rig.servers[0]?.freeze();
                    const others: Answer[] = [];
                    for (let attempt = 0; attempt < 3; attempt += 1) {
                        others.push(await visitor.copy().get(rig.urlOf(1, '/exclusive/add')));
                    }
                    rig.servers[0]?.thaw();
                    const { status } = await holder;
                    const next = await visitor.copy().get(rig.urlOf(1, '/exclusive/add'));
                    const isRight = status === 503 && others.every((other) => other.status === 200) && next.body === 4;
                    trial.outcome.round(isRight ? undefined : `holder ${status}, then ${told(next)}`);
                }
            });
        },
    },
    {
        name: 'a process that is stopped in the middle of a write (SIGSTOP)',
        without: (system) => ours(system) ?? (system.processes === 1 ? 'takes two processes' : undefined),
        async run(trial) {
            await trial.on({ session }, async (rig) => {
                for (let round = trial.rounds(8, 2); round > 0; round -= 1) {
                    trial.outcome.round(await stopInTheMiddle(rig));
                }
            });
        },
    },
];

/** Others get an answer within the time that storage trouble may take, and everything goes on afterwards. */
async function stopInTheMiddle(rig: Rig): Promise<string | undefined> {
    const visitor = await knownVisitor(rig);
    const load = Array.from({ length: 12 }, () => visitor.copy().get(rig.urlOf(0, '/increment/n')));
    await sleep(Math.random() * 12);
    rig.servers[0]?.freeze();
    const meanwhile = await Promise.all(
        ['/increment/n', '/set/other/1', '/read', '/up'].map((path) => visitor.copy().get(rig.urlOf(1, path))),
    );
    rig.servers[0]?.thaw();
    const loaded = await Promise.all(load);
    const slow = meanwhile.find(({ ms, status }) => ms > 2_300 || (status !== 200 && status !== 503));
    if (slow) {
        return `meanwhile: ${told(slow)}`;
    }
    const answered = [...loaded, ...meanwhile.slice(0, 1)].filter(({ status }) => status === 200).length;
    const after = await visitor.copy().get(rig.urlOf(1, '/read'));
    const n = Number((after.body as Record<string, unknown>).n);
    return n >= answered && n <= 13 ? undefined : `${answered} additions were answered, and ${n} is stored`;
}

/** A 503 that came after the wait, and not much later. */
function busy(answer: Answer, waitMs: number): string | undefined {
    const isRight = answer.status === 503 && answer.ms >= waitMs - 20 && answer.ms < waitMs + 1_000;
    return isRight ? undefined : `while it is held: ${told(answer)}`;
}

const told = ({ status, body, ms }: Answer) => `${status} ${shown(body)} after ${Math.round(ms)} ms`;
