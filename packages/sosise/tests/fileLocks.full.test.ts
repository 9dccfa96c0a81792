import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileStores, LATER, record } from './helpers/fileStores.js';
import { FileLock, newOwnerText } from './helpers/inside/Support/Files.js';
import { Deadlines } from './helpers/inside/Support.js';
import { lineFrom, startWorker } from './workers/startWorker.js';

let folder: string;
const { open, names } = fileStores((made) => {
    folder = made.folder;
});

/** The name of an owner that is dead: a process that ended. */
function deadOwner(): string {
    const pid = execFileSync(process.execPath, ['-p', 'process.pid']).toString().trim();
    return newOwnerText().replace(/^\d+\.\d+/, `${pid}.1`);
}

describe('locks of the file driver', () => {
    test('the lease is for one at a time, in the order of arrival, and whoever gave up is skipped', async () => {
        const store = open();
        const order: string[] = [];
        const first = await store.lock('abc', 1_000);
        const take = async (name: string, waitMs: number) => {
            const lease = await store.lock('abc', waitMs);
            order.push(lease ? name : `${name} gave up`);
            await lease?.release();
        };
        const others = [take('second', 5_000), take('impatient', 1), take('third', 5_000)];
        const elsewhere = await store.lock('other', 1_000);
        expect(elsewhere).toBeDefined();
        await others[1];
        await first?.release();
        await first?.release();
        await Promise.all(others);
        expect(order).toEqual(['impatient gave up', 'second', 'third']);
        await elsewhere?.release();
        expect(names()).toEqual([]);
    });

    test('the holder of a lease can write, and another store on the folder waits for it', async () => {
        const [one, other] = [open(), open()];
        const lease = await one.lock('abc', 1_000);
        expect(await one.write('abc', record(), undefined, LATER)).toBeDefined();
        expect(await other.lock('abc', 30)).toBeUndefined();
        await lease?.release();
        const second = await other.lock('abc', 1_000);
        expect(second).toBeDefined();
        await second?.release();
    });

    test('a lease ends with its process, and is never taken from one that is only stopped', async () => {
        open();
        const worker = startWorker(folder, 'hold', 'abc');
        try {
            expect(await lineFrom(worker)).toBe('held');
            const store = open();
            process.kill(worker.pid as number, 'SIGSTOP');
            // As if it had been stopped for a day.
            fs.lutimesSync(path.join(folder, '.abc.lease'), new Date(0), new Date(0));
            expect(await store.lock('abc', 300)).toBeUndefined();
            await store.tidy(Date.now());
            expect(names()).toContain('.abc.lease');
            const waiting = store.lock('abc', 5_000);
            worker.kill('SIGKILL');
            const lease = await waiting;
            expect(lease).toBeDefined();
            await lease?.release();
        } finally {
            worker.kill('SIGKILL');
        }
    });

    test('a write lock of a dead process is broken; so is the break lock of one that died breaking it', async () => {
        const store = open();
        const version = await store.write('abc', record(), undefined, LATER);
        const dead = deadOwner();
        fs.symlinkSync(dead, path.join(folder, '.abc.lock'));
        const breakLock = createHash('sha256').update(`.abc.lock\0${dead}`).digest('hex').slice(0, 40);
        fs.symlinkSync(deadOwner(), path.join(folder, `.${breakLock}.break`));
        expect(await store.write('abc', record({ n: 1 }), version, LATER)).toBeDefined();
        expect(names()).toEqual(['abc.json']);
        fs.symlinkSync(dead, path.join(folder, '.abc.lock'));
        fs.symlinkSync(deadOwner(), path.join(folder, `.${breakLock}.break`));
        await store.tidy(Date.now());
        expect(names()).toEqual(['abc.json']);
    });

    test('contenders that find one dead lock at once never hold it together', async () => {
        open();
        const lockPath = path.join(folder, '.abc.lock');
        for (let round = 0; round < 30; round += 1) {
            fs.symlinkSync(deadOwnerOnce(), lockPath);
            let holders = 0;
            await Promise.all(
                Array.from({ length: 6 }, async () => {
                    const lock = await FileLock.acquire(lockPath, Deadlines.of(5_000).start());
                    holders += 1;
                    expect(holders).toBe(1);
                    await new Promise(setImmediate);
                    holders -= 1;
                    await lock?.release();
                }),
            );
            expect(names()).toEqual([]);
        }
    });

    test('a lock from another container counts as dead only when it was not renewed for long', async () => {
        const store = open();
        const foreign = newOwnerText().replace(/^(\d+\.\d+)\.[\w-]+/, '$1.1234-abcdef01');
        const lockPath = path.join(folder, '.abc.lease');
        fs.symlinkSync(foreign, lockPath);
        expect(await store.lock('abc', 50)).toBeUndefined();
        const old = new Date(Date.now() - 31_000);
        fs.lutimesSync(lockPath, old, old);
        const lease = await store.lock('abc', 1_000);
        expect(lease).toBeDefined();
        await lease?.release();
    });

    test('a lock that is a file, as on systems without links, is as good', async () => {
        const store = open();
        const lockPath = path.join(folder, '.abc.lease');
        fs.writeFileSync(lockPath, deadOwner());
        await (await store.lock('abc', 1_000))?.release();
        expect(names()).toEqual([]);
        fs.writeFileSync(lockPath, `${process.ppid}.${startOf(process.ppid)}.${newOwnerText().split('.')[2]}.0.ab`);
        expect(await store.lock('abc', 30)).toBeUndefined();
    });

    test('a write waits for a lock that is held, and says so when that takes too long', async () => {
        const store = open();
        const version = await store.write('abc', record(), undefined, LATER);
        const lock = await FileLock.acquire(path.join(folder, '.abc.lock'), { isOver: true });
        await expect(store.write('abc', record({ n: 1 }), version, LATER)).rejects.toMatchObject({ code: 'ELOCKED' });
        await lock?.release();
        expect(await store.write('abc', record({ n: 1 }), version, LATER)).toBeDefined();
    });

    test('a lock file that could not be removed does not stay for ever', async () => {
        open();
        const lockPath = path.join(folder, '.abc.lock');
        // Ours by name, but nothing here holds it: as after a failed unlink.
        fs.symlinkSync(newOwnerText(), lockPath);
        const lock = await FileLock.acquire(lockPath, Deadlines.of(1_000).start());
        expect(lock).toBeDefined();
        await lock?.release();
    });

    test('tidying removes what dead processes left, and nothing of the living', async () => {
        const store = open();
        await store.write('abc', record(), undefined, LATER);
        const dead = deadOwner();
        const put = (name: string) => fs.writeFileSync(path.join(folder, name), 'x');
        put(`.${dead}.tmp`);
        fs.symlinkSync(dead, path.join(folder, '.old.lock'));
        fs.symlinkSync(dead, path.join(folder, '.old.lease'));
        const living = `.${newOwnerText()}.tmp`;
        put(living);
        put('.gitignore');
        put('abc.json.123456');
        const old = new Date(Date.now() - 700_000);
        fs.utimesSync(path.join(folder, 'abc.json.123456'), old, old);
        put('abc.json.987654');
        const lease = await store.lock('abc', 100);
        await store.tidy(Date.now());
        expect(names()).toEqual(['.abc.lease', living, '.gitignore', 'abc.json', 'abc.json.987654'].sort());
        await lease?.release();
    });
});

let aDeadOwner: string | undefined;
/** Another name each time, of the same dead process. */
function deadOwnerOnce(): string {
    aDeadOwner ??= deadOwner();
    return aDeadOwner.replace(/[0-9a-f]+$/, newOwnerText().split('.')[4] ?? '');
}

function startOf(pid: number): string {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
