import { mkdirSync, mkdtempSync, renameSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ANSWERS } from '../../helpers/server/routes.js';
import { onlyFiles, type SessionPromise, shown } from '../Outcome.js';
import { isOurs, type Rig } from '../System.js';
import { Visitor } from '../Visitor.js';
import { knownVisitor } from './parallel.js';

/** Saves that fail, and folders that disappear. */
export const failures: SessionPromise[] = [
    {
        name: 'a failed save is never a success',
        without: (system) => (system.store === 'memory' && !isOurs(system) ? 'can not fail' : undefined),
        async run(trial) {
            if (trial.system.store === 'memory') {
                await trial.on({}, async (rig) => {
                    for (let round = trial.rounds(30, 5); round > 0; round -= 1) {
                        const visitor = await knownVisitor(rig);
                        const { status } = await visitor.get(rig.url('/large/1200000'));
                        const { body } = await visitor.get(rig.url('/read'));
                        const isKept = (body as Record<string, unknown>).known === 'yes';
                        trial.outcome.round(status >= 500 && isKept ? undefined : `answered ${status}`);
                    }
                });
                return;
            }
            await trial.on({ asNobody: true }, async (rig) => {
                for (let round = trial.rounds(10, 2); round > 0; round -= 1) {
                    for (const how of Object.keys(ANSWERS)) {
                        const visitor = await knownVisitor(rig);
                        rig.refuseWrites();
                        const answer = await visitor.copy().get(rig.url(`/answer/${how}/lost/${round}`));
                        rig.allowWrites();
                        const isRight = isOurs(trial.system) ? answer.status === 503 : answer.status >= 500;
                        trial.outcome.round(isRight ? undefined : `${how} was answered ${answer.status}`);
                    }
                }
            });
        },
    },
    {
        name: 'a removed folder: stored means stored',
        without: onlyFiles,
        async run(trial) {
            await trial.on({}, async (rig) => {
                for (let round = trial.rounds(20, 5); round > 0; round -= 1) {
                    for (const [who, meet] of Object.entries(VISITORS)) {
                        await trial.survive(rig, who, () => meet(rig, String(round)));
                        mkdirSync(rig.folder, { recursive: true });
                    }
                }
            });
        },
    },
];

/** Who comes when the folder is gone; each gives what was lost. */
const VISITORS: Record<string, (rig: Rig, turn: string) => Promise<string | undefined>> = {
    'a new visitor': async (rig, turn) => {
        remove(rig);
        return setAndRead(rig, new Visitor(), turn);
    },
    'a known visitor': async (rig, turn) => {
        const visitor = await knownVisitor(rig);
        remove(rig);
        return setAndRead(rig, visitor, turn);
    },
    'a request in flight': async (rig, turn) => {
        const visitor = await knownVisitor(rig);
        const slow = visitor.get(rig.url(`/set/turn/${turn}?wait=30`));
        await sleep(15);
        remove(rig);
        const { status } = await slow;
        return status === 503 ? undefined : whatIsMissing(rig, visitor, turn, status);
    },
};

async function setAndRead(rig: Rig, visitor: Visitor, turn: string): Promise<string | undefined> {
    const { status } = await visitor.get(rig.url(`/set/turn/${turn}`));
    return whatIsMissing(rig, visitor, turn, status);
}

async function whatIsMissing(rig: Rig, visitor: Visitor, turn: string, status: number): Promise<string | undefined> {
    const { body } = await visitor.get(rig.url('/read'));
    const isStored = status === 200 && (body as Record<string, unknown>).turn === turn;
    return isStored ? undefined : `answered ${status}, then ${shown(body)}`;
}

/** At one moment, as removing file by file is not. */
function remove(rig: Rig): void {
    renameSync(rig.folder, mkdtempSync(`${rig.folder}-`));
}
