import { randomBytes } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { onlyKept, type SessionPromise, shown } from '../Outcome.js';
import { isOurs, type Rig } from '../System.js';
import { knownVisitor } from './parallel.js';

const CANARY = 'canary-in-a-record';
const COOKIE = '"cookie":{"originalMaxAge":null,"path":"/"}';

/** Ways to damage a record; `whole` is what was there. */
const DAMAGES: Record<string, (file: string, whole: Buffer) => void> = {
    'half-written': (file, whole) => writeFileSync(file, whole.subarray(0, Math.floor(Math.random() * whole.length))),
    'random bytes': (file, whole) => writeFileSync(file, randomBytes(whole.length + 7)),
    'zeros after a crash': (file, whole) => writeFileSync(file, Buffer.alloc(whole.length + 1)),
    'JSON that is no session': (file) => writeFileSync(file, `["${CANARY}"]`),
    'no cookie': (file) => writeFileSync(file, `{"user":"${CANARY}"}`),
    __proto__: (file) => writeFileSync(file, `{${COOKIE},"__proto__":{"isAdmin":"${CANARY}"}}`),
    'deeply nested': (file) => writeFileSync(file, `{${COOKIE},"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`),
    enormous: (file) => writeFileSync(file, `{${COOKIE},"a":"${CANARY}${'x'.repeat(6_000_000)}"}`),
    'a folder': (file) => mkdirSync(file),
    'a link': (file) => symlinkSync('/etc/hostname', file),
};

export const records: SessionPromise[] = [
    {
        name: 'a damaged record gives a fresh session',
        without: onlyKept,
        async run(trial) {
            await trial.on({}, async (rig) => {
                for (let round = trial.rounds(8); round > 0; round -= 1) {
                    for (const [kind, damage] of Object.entries(DAMAGES)) {
                        await trial.survive(rig, kind, () => meet(rig, damage));
                    }
                }
            });
        },
    },
];

async function meet(rig: Rig, damage: (file: string, whole: Buffer) => void): Promise<string | undefined> {
    const visitor = await knownVisitor(rig);
    const asideBefore = rig.setAside().length;
    const saidBefore = warningsOf(rig).length;
    rig.damage(visitor.id, damage);
    const answers = await Promise.all(
        Array.from({ length: 6 }, () => visitor.copy().get(rig.url('/read'), { timeoutMs: 5_000 })),
    ).catch((error: Error) => error.message);
    if (typeof answers === 'string') {
        return answers;
    }
    const wrong = answers.find(({ status, body }) => status !== 200 || Object.keys(body as object).length > 0);
    if (wrong) {
        return `answered ${wrong.status} ${shown(wrong.body)}`;
    }
    if (!isOurs(rig.system)) {
        return undefined;
    }
    // Moving aside and warning don't hold the answer up. Then nothing more may come: the second look is for that.
    for (let look = 0; look < 50 && warningsOf(rig).length === saidBefore; look += 1) {
        await sleep(5);
    }
    await visitor.copy().get(rig.url('/read'));
    await sleep(10);
    const said = warningsOf(rig).slice(saidBefore);
    const moved = rig.setAside().length - asideBefore;
    if (said.length !== 1 || moved !== 1) {
        return `${said.length} warnings, ${moved} set aside`;
    }
    return JSON.stringify(said).includes(CANARY) ? 'the warning holds contents' : undefined;
}

const warningsOf = (rig: Rig) => rig.log.filter(({ level }) => level === 'warning' || level === 'error');
