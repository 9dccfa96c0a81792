import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type StoreBench, type StoreFace, sessionWith } from './StoreBench.js';
import { CONTROL_IDS, ODD_IDS, type StorePromise } from './StorePromise.js';

/** What an express-session store is, and what a good one can be. */
export const facePromises: StorePromise[] = [
    basic('gives what was set', async (face) => {
        await face.set('one', sessionWith({ user: 'Sharon' }));
        const found = await face.get('one');
        assert(found, 'what was set is not there');
        assert.equal(found.user, 'Sharon', 'the data is another');
    }),
    ability('gives the cookie with its times', async (face) => {
        await face.set('one', sessionWith({}));
        const cookie = (await face.get('one'))?.cookie as { originalMaxAge?: number; expires?: string | Date };
        // express-session itself may lose a millisecond where it makes a cookie.
        assert(Math.abs(Number(cookie?.originalMaxAge) - 60_000) < 100, 'the cookie lost its maxAge');
        assert(new Date(cookie.expires ?? 0).getTime() > Date.now(), 'the cookie lost its expires');
    }),
    basic('gives nothing, and no error, for an id it does not know', async (face) => {
        assert.equal(await face.get('unknown'), undefined, 'there is something');
    }),
    basic('keeps every value that JSON has', async (face) => {
        const values = {
            text: 'ünï 🍪 \u2028 "quoted" \\',
            empty: '',
            zero: 0,
            float: 0.1,
            no: false,
            nothing: null,
            list: [1, [2, { three: 3 }], []],
            nested: { a: { b: { c: {} } } },
            'key with spaces': 1,
        };
        await face.set('one', sessionWith(values));
        const { cookie, ...data } = (await face.get('one')) ?? {};
        delete data.__lastAccess; // session-file-store's own
        assert.deepEqual(data, values, 'a value came back changed');
    }),
    ability('takes keys with dots and dollars', async (face) => {
        await face.set('one', sessionWith({ 'with.dots': 1, $dollar: 2 }));
        const found = await face.get('one');
        assert.deepEqual([found?.['with.dots'], found?.$dollar], [1, 2], 'a key came back changed');
    }),
    basic('replaces the whole session at the next set', async (face) => {
        await face.set('one', sessionWith({ first: 1 }));
        await face.set('one', sessionWith({ second: 2 }));
        const found = await face.get('one');
        assert.equal(found?.second, 2, 'the second set is not there');
        assert.equal(found?.first, undefined, 'the first set is still there');
    }),
    basic('forgets what is destroyed, and only that', async (face) => {
        await face.set('one', sessionWith({ n: 1 }));
        await face.set('two', sessionWith({ n: 2 }));
        await face.destroy('one');
        assert.equal(await face.get('one'), undefined, 'the destroyed session is there');
        assert.equal((await face.get('two'))?.n, 2, 'another session went with it');
    }),
    basic('destroys an unknown id without an error', async (face) => {
        await face.destroy('unknown');
    }),
    basic('takes 50 sessions at once', async (face) => {
        const ids = Array.from({ length: 50 }, (_, index) => `parallel-${index}`);
        await Promise.all(ids.map((id) => face.set(id, sessionWith({ id }))));
        const found = await Promise.all(ids.map((id) => face.get(id)));
        assert.deepEqual(
            found.map((data) => data?.id),
            ids,
            'not every session is there',
        );
    }),
    ability('is fast and silent about unknown ids', async (face) => {
        await face.get('warm-up');
        const said = await whatIsSaidDuring(async () => {
            let took = Number.POSITIVE_INFINITY;
            // A machine may be slow now and then; a store that tries again is so each time.
            for (let round = 0; round < 10 && took >= 300; round += 1) {
                const started = performance.now();
                for (const id of ['unknown-1', 'unknown-2', 'unknown-3']) {
                    await face.get(id);
                }
                took = Math.round(performance.now() - started);
            }
            assert(took < 300, `three unknown ids took ${took} ms`);
        });
        assert.equal(said, 0, `it wrote ${said} lines to the console`);
    }),
    ability('has touch, which keeps the data', async (face) => {
        await face.set('one', sessionWith({ n: 1 }));
        const stale = sessionWith({ n: 0 });
        await face.touch('one', stale);
        assert.equal((await face.get('one'))?.n, 1, 'touch stored the data of the request that touched');
    }),
    waiting('lives on when it is touched', async (face) => {
        // Where the machine is too slow for it, more slowly: what came too late says nothing of the store.
        for (let pause = 400, isJudged = false; !isJudged && pause < 60_000; pause *= 2) {
            const set = performance.now();
            await face.set('one', sessionWith({ n: 1 }, 1.75 * pause));
            await sleep(pause);
            await face.touch('one', sessionWith({ n: 1 }, 5 * pause));
            const touched = performance.now();
            await sleep(1.5 * pause);
            const found = await face.get('one');
            isJudged = touched - set < 1.7 * pause && performance.now() - touched < 4.5 * pause;
            assert(!isJudged || found?.n === 1, 'a touched session expired as if it had not been');
        }
    }),
    ability('does not revive a destroyed session by a touch', async (face) => {
        await face.set('one', sessionWith({ n: 1 }));
        await face.destroy('one');
        await face.touch('one', sessionWith({ n: 1 })).catch(() => undefined); // an error is an answer too
        assert.equal(await face.get('one'), undefined, 'the touch brought it back');
    }),
    waiting('does not give expired sessions', async (face) => {
        await face.set('one', sessionWith({ n: 1 }, 200));
        await sleep(1_300); // some keep whole seconds
        assert.equal(await face.get('one'), undefined, 'an expired session was given');
    }),
    ability('is not changed by what happens to objects it was given or gave', async (face) => {
        const given = sessionWith({ list: [1] }) as unknown as { list: number[] };
        await face.set('one', given as never);
        given.list.push(2);
        const first = await face.get('one');
        assert.deepEqual(first?.list, [1], 'the object that was passed in is the stored one');
        (first as { list: number[] }).list.push(3);
        assert.deepEqual((await face.get('one'))?.list, [1], 'the object that was given out is the stored one');
    }),
    ability('takes odd ids', (face) => keepsApart(face, ODD_IDS)),
    ability('takes ids with control characters', (face) => keepsApart(face, CONTROL_IDS)),
    ability('takes ids of 5,000 characters', (face) => keepsApart(face, [`${'x'.repeat(5_000)}1`, 'x'.repeat(5_000)])),
    ability('takes a session of 1 MB', async (face) => {
        const text = '🍪'.repeat(250_000);
        await face.set('one', sessionWith({ text }));
        assert.equal((await face.get('one'))?.text, text, 'it came back changed');
    }),
    ability('lists its sessions', async (face) => {
        await face.set('one', sessionWith({ n: 1 }));
        await face.set('two', sessionWith({ n: 2 }));
        const numbers = (await face.all()).map(({ n }) => n).sort();
        assert.deepEqual(numbers, [1, 2], 'the list is not what is stored');
    }),
    {
        name: 'is seen by a second handle on the same storage',
        kind: 'ability',
        needsReopen: true,
        async check(bench) {
            await faceOf(bench).set('one', sessionWith({ n: 1 }));
            const { face } = await bench.reopen();
            assert.equal((await face?.get('one'))?.n, 1, 'it is not there');
            await face?.destroy('one');
            assert.equal(await faceOf(bench).get('one'), undefined, 'what the other destroyed is still there');
        },
    },
];

function basic(name: string, check: (face: StoreFace) => Promise<void>): StorePromise {
    return { name, kind: 'basic', check: (bench) => check(faceOf(bench)) };
}

function ability(name: string, check: (face: StoreFace) => Promise<void>): StorePromise {
    return { name, kind: 'ability', check: (bench) => check(faceOf(bench)) };
}

function waiting(name: string, check: (face: StoreFace) => Promise<void>): StorePromise {
    return { ...ability(name, check), waits: true };
}

function faceOf({ face }: StoreBench): StoreFace {
    assert(face, 'it is no express-session store');
    return face;
}

async function keepsApart(face: StoreFace, ids: readonly string[]): Promise<void> {
    for (const id of ids) {
        await face.set(id, sessionWith({ id }));
    }
    for (const id of ids) {
        assert.equal((await face.get(id))?.id, id, `the session of ${JSON.stringify(id).slice(0, 40)} is not its own`);
    }
    for (const id of ids) {
        await face.destroy(id);
        assert.equal(await face.get(id), undefined, `${JSON.stringify(id).slice(0, 40)} can't be destroyed`);
    }
}

/** How many lines are written to the console meanwhile. */
async function whatIsSaidDuring(work: () => Promise<void>): Promise<number> {
    const names = ['log', 'info', 'warn', 'error', 'debug'] as const;
    const own = names.map((name) => console[name]);
    let said = 0;
    for (const name of names) {
        console[name] = () => {
            said += 1;
        };
    }
    try {
        await work();
    } finally {
        for (const [index, name] of names.entries()) {
            console[name] = own[index] as (typeof console)['log'];
        }
    }
    return said;
}
