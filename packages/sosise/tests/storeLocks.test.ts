import { StoreLocks } from 'sosise';
import { describe, expect, test } from 'vitest';
import { type SessionAppOptions, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

const HOUR = 3_600_000;

/** The locks of applications on one store: each has a driver of its own, as processes have. */
async function locksOf(count: number, session: SessionAppOptions['session'] = {}): Promise<StoreLocks[]> {
    const root = temporaryFolder();
    const apps = await Promise.all(Array.from({ length: count }, () => sessionApp({ root, session })));
    return apps.map(({ app }) => app.container.make(StoreLocks));
}

describe.each(['file', 'memory'])('once() on %s', (driver) => {
    test('of many who ask at once, one does the work, and those who ask later find it done', async () => {
        const [locks] = (await locksOf(1, { driver })) as [StoreLocks];
        let runs = 0;
        const work = () => {
            runs += 1;
        };
        const ask = () => locks.once('digest', HOUR, work);
        const told = await Promise.all(Array.from({ length: 20 }, ask));
        expect(told.filter(Boolean)).toHaveLength(1);
        expect(await ask()).toBe(false);
        expect(runs).toBe(1);
        expect(await locks.once('another', HOUR, () => undefined)).toBe(true);
    });

    test('the next interval has a run of its own', async () => {
        const [locks] = (await locksOf(1, { driver })) as [StoreLocks];
        expect(await locks.once('digest', 20, () => undefined)).toBe(true);
        await expect.poll(() => locks.once('digest', 20, () => undefined)).toBe(true);
    });

    test('work that fails is told to who asked, and is not done again in the same interval', async () => {
        const [locks] = (await locksOf(1, { driver })) as [StoreLocks];
        const failing = locks.once('digest', HOUR, () => Promise.reject(new Error('No paper.')));
        await expect(failing).rejects.toThrow('No paper.');
        expect(await locks.once('digest', HOUR, () => undefined)).toBe(false);
    });
});

test('on file, four drivers on one folder do it once', async () => {
    const all = await locksOf(4, { driver: 'file' });
    let runs = 0;
    const work = () => {
        runs += 1;
    };
    const told = await Promise.all(all.map((locks) => locks.once('digest', HOUR, work)));
    expect([told.filter(Boolean).length, runs]).toEqual([1, 1]);
    expect(all.every(({ holdBetweenProcesses }) => holdBetweenProcesses)).toBe(true);
});

test('where locks hold in one process only, they say so', async () => {
    const [inMemory] = (await locksOf(1, { driver: 'memory' })) as [StoreLocks];
    expect(inMemory.holdBetweenProcesses).toBe(false);
});

test('without sessions there are no locks, and the error says what to do', async () => {
    const [locks] = (await locksOf(1, { enabled: false })) as [StoreLocks];
    const once = locks.once('digest', HOUR, () => undefined);
    await expect(once).rejects.toThrow('StoreLocks needs sessions: set enabled to true in src/config/session.ts.');
});

test.each([
    ['', HOUR],
    ['digest', 0],
    ['digest', Number.NaN],
])('once(%j, %j) is refused', async (name, everyMs) => {
    const [locks] = (await locksOf(1)) as [StoreLocks];
    await expect(locks.once(name, everyMs, () => undefined)).rejects.toThrow(
        'needs a name for the work, and its interval',
    );
});
