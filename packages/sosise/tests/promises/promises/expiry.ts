import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionPromise } from '../Outcome.js';
import type { Rig } from '../System.js';
import type { Answer } from '../Visitor.js';
import { knownVisitor } from './parallel.js';

const IDLE = 3_000;

export const expiry: SessionPromise[] = [
    {
        name: 'idle expiry: never late, at most 5 % early',
        async run(trial) {
            await trial.on({ idleMs: IDLE }, async (rig) => {
                const count = trial.rounds(60, 12);
                const losses = await Promise.all(
                    Array.from({ length: count }, async (_, index) => {
                        await sleep(index * 10);
                        return idleOut(rig, index % 2 === 0);
                    }),
                );
                for (const loss of losses) {
                    trial.outcome.round(loss);
                }
            });
        },
    },
];

/** One session, visited now and then, and at last either just before or just after its time. */
async function idleOut(rig: Rig, isBefore: boolean): Promise<string | undefined> {
    const visitor = await knownVisitor(rig);
    let last: Answer = await visitor.get(rig.url('/read'));
    for (let visits = Math.floor(Math.random() * 3); visits > 0; visits -= 1) {
        // Most of these are too soon after the last to be written down: that is the 5 % it may end early.
        await sleep(Math.random() * IDLE * (visits === 1 ? 0.06 : 0.3));
        last = await visitor.get(rig.url('/read'));
    }
    // Activity is known to lie between asking and answering; a probe counts only where it was asked, or answered, in time.
    if (isBefore) {
        await sleep(last.askedAt + IDLE * (0.93 + Math.random() * 0.01) - Date.now());
        const probe = await visitor.get(rig.url('/read'));
        const idle = probe.answeredAt - last.askedAt;
        const isAlive = (probe.body as Record<string, unknown>).known === 'yes';
        return isAlive || idle > IDLE * 0.95 ? undefined : `gone after ${idle} of ${IDLE} ms`;
    }
    await sleep(last.answeredAt + IDLE + 2 + Math.random() * 60 - Date.now());
    const probe = await visitor.get(rig.url('/read'));
    const isGone = Object.keys(probe.body as object).length === 0;
    return isGone ? undefined : `alive after ${probe.askedAt - last.answeredAt} of ${IDLE} ms`;
}
