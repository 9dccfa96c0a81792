import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { inspect, promisify } from 'node:util';
import session, { type SessionData } from 'express-session';
import sessionFileStore from 'session-file-store';
import { describe, expect, test } from 'vitest';
import { fileStores, LATER, record } from './helpers/fileStores.js';
import type { ListedRecord, StoredRecord } from './helpers/inside/Session/Drivers.js';
import { DamagedRecordError } from './helpers/inside/Session/Record.js';
import { FileStore } from './helpers/inside/Session/Stores/File.js';

const isRoot = process.getuid?.() === 0;
let base: string;
let folder: string;
const { open, names } = fileStores((made) => {
    ({ base, folder } = made);
});

async function read(store: FileStore, id: string): Promise<string | undefined> {
    return (await store.read(id))?.record;
}

async function listed(store: FileStore, writtenBefore?: number): Promise<ListedRecord[]> {
    const found: ListedRecord[] = [];
    for await (const one of store.records(writtenBefore)) {
        found.push(one);
    }
    return found.sort((a, b) => a.key.localeCompare(b.key));
}

describe('reading and writing', () => {
    test('a record comes back as it was written, and only its owner may read the file', async () => {
        const store = open();
        const text = record({ name: 'Zoë 🎈', list: [1, { two: 2 }] });
        const version = await store.write('abc', text, undefined, LATER);
        expect(version).toBeDefined();
        expect(await store.read('abc')).toEqual({ record: text, version });
        expect(names()).toEqual(['abc.json']);
        await expect.poll(() => fs.statSync(path.join(folder, 'abc.json')).mode & 0o777, { interval: 2 }).toBe(0o600);
        expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
    });

    test('a write happens only over the version that was read', async () => {
        const store = open();
        const first = await store.write('abc', record({ n: 1 }), undefined, LATER);
        expect(await store.write('abc', record({ n: 9 }), undefined, LATER)).toBeUndefined();
        const second = await store.write('abc', record({ n: 2 }), first, LATER);
        expect(second).toBeDefined();
        expect(await store.write('abc', record({ n: 3 }), first, LATER)).toBeUndefined();
        expect(await store.remove('abc', first)).toBe(false);
        expect(await read(store, 'abc')).toBe(record({ n: 2 }));
        expect(await store.remove('abc', second)).toBe(true);
        expect(await store.remove('abc', second)).toBe(false);
        expect(await store.write('abc', record({ n: 4 }), second, LATER)).toBeUndefined();
        expect(await read(store, 'abc')).toBeUndefined();
        expect(names()).toEqual([]);
    });

    test('an unknown id is answered as fast as one that is known, without trying again', async () => {
        await open().write('known', record(), undefined, LATER);
        const best = async (id: string) => {
            let least = Number.POSITIVE_INFINITY;
            for (let round = 0; round < 20; round += 1) {
                const store = open(); // knows nothing yet
                const started = performance.now();
                await store.read(id);
                least = Math.min(least, performance.now() - started);
            }
            return least;
        };
        expect(await best('unknown')).toBeLessThan(20 * (await best('known')));
    });

    test('what another store writes to the same folder is seen at once', async () => {
        const [one, other] = [open(), open()];
        let version = await one.write('abc', record({ n: 0 }), undefined, LATER);
        for (let n = 1; n <= 50; n += 1) {
            const store = n % 2 ? other : one;
            expect(await read(store, 'abc')).toBe(record({ n: n - 1 }));
            version = await store.write('abc', record({ n }), version, LATER);
            expect(version).toBeDefined();
            expect(await read(store === one ? other : one, 'abc')).toBe(record({ n }));
        }
        expect(await one.remove('abc', version)).toBe(true);
        expect(await other.read('abc')).toBeUndefined();
    });

    test('a file that is edited by hand is seen as edited', async () => {
        const store = open();
        const file = path.join(folder, 'abc.json');
        await store.write('abc', record({ n: 1 }), undefined, LATER);
        fs.utimesSync(file, new Date(0), new Date(0));
        await read(store, 'abc');
        fs.writeFileSync(file, record({ n: 2 }));
        expect(await read(store, 'abc')).toBe(record({ n: 2 }));
        fs.truncateSync(file, 5);
        expect(await read(store, 'abc')).toBe(record({ n: 2 }).slice(0, 5));
        fs.rmSync(file);
        expect(await store.read('abc')).toBeUndefined();
    });

    test('parallel writers of one session in one process each get their turn', async () => {
        const store = open();
        await Promise.all(
            Array.from({ length: 40 }, async () => {
                for (;;) {
                    const stored = await store.read('abc');
                    const n = stored ? (JSON.parse(stored.record) as { n: number }).n : 0;
                    if ((await store.write('abc', record({ n: n + 1 }), stored?.version, LATER)) !== undefined) {
                        return;
                    }
                }
            }),
        );
        expect(await read(store, 'abc')).toBe(record({ n: 40 }));
        expect(names()).toEqual(['abc.json']);
    });

    test('sessions stay correct beyond what is held open for speed', async () => {
        const store = open();
        const ids = Array.from({ length: 200 }, (_, index) => `id${index}`);
        const recordOf = (id: string) => record({ id, large: 'x'.repeat(40_000) }); // a hundred are held open
        const before = fs.readdirSync('/proc/self/fd').length;
        const versions = await Promise.all(ids.map((id) => store.write(id, recordOf(id), undefined, LATER)));
        for (const round of [1, 2]) {
            for (const [index, id] of ids.entries()) {
                expect(await read(store, id), `round ${round}`).toBe(recordOf(id));
                expect((await store.read(id))?.version).toBe(versions[index]);
            }
        }
        expect(fs.readdirSync('/proc/self/fd').length - before).toBeLessThan(150);
        store.close();
        expect(await read(store, 'id5')).toBe(recordOf('id5'));
    });

    test('with fsync the same holds', async () => {
        const store = open({ fsync: true });
        const version = await store.write('abc', record({ n: 1 }), undefined, LATER);
        expect(await store.write('abc', record({ n: 2 }), version, LATER)).toBeDefined();
        expect(await read(store, 'abc')).toBe(record({ n: 2 }));
    });

    test('a record too large to be read again is not written', async () => {
        const store = open();
        await expect(store.write('abc', record({ big: 'x'.repeat(7_000_000) }), undefined, LATER)).rejects.toThrow(
            /too large/,
        );
        expect(names()).toEqual([]);
    });
});

describe('ids', () => {
    const strange = [
        '../escape',
        '/etc/passwd',
        'a/b',
        'a\\b',
        '..',
        '.',
        '',
        '.hidden',
        '.abc.lock',
        'nul\0byte',
        'x'.repeat(5_000),
        'a b',
        'Zoë',
        'con.json',
        '__proto__',
        '~tilde',
    ];

    test('whatever an id holds, its file is in the folder and its own', async () => {
        const store = open();
        for (const id of strange) {
            expect(await store.write(id, record({ id }), undefined, LATER), id.slice(0, 20)).toBeDefined();
        }
        for (const id of strange) {
            expect(await read(store, id)).toBe(record({ id }));
        }
        expect(names()).toHaveLength(strange.length);
        expect(names().every((name) => /^[~\w-]+\.json$/.test(name))).toBe(true);
        expect(fs.readdirSync(base)).toEqual(['sessions']);
        for (const id of strange) {
            expect(await store.remove(id, (await store.read(id))?.version)).toBe(true);
        }
        expect(names()).toEqual([]);
    });

    test('a listed record can be read and removed by the id it is listed under', async () => {
        const store = open();
        for (const id of ['plain', '../strange']) {
            await store.write(id, record({ id }), undefined, LATER);
        }
        const found = await listed(store);
        expect(found.map(({ record }) => (JSON.parse(record) as { id: string }).id).sort()).toEqual([
            '../strange',
            'plain',
        ]);
        for (const { key: id, record, version } of found) {
            expect((await store.read(id))?.record).toBe(record);
            expect(await store.remove(id, version)).toBe(true);
        }
        expect(await store.read('../strange')).toBeUndefined();
    });

    test('a file ending that would lead elsewhere is refused', () => {
        expect(() => open({ fileExtension: '/../x' })).toThrow('drivers.file.fileExtension must be a plain file name');
    });

    test('sessions without a file ending, and with one of our own endings, are told from locks', async () => {
        for (const fileExtension of ['', '.lock']) {
            const store = open({ fileExtension });
            const lease = await store.lock('abc', 100);
            const version = await store.write('abc', record(), undefined, LATER);
            await store.write('abc', record({ n: 1 }), version, LATER);
            expect((await listed(store)).map(({ key }) => key)).toEqual(['abc']);
            expect(await promisify(store.list.bind(store))()).toEqual([`abc${fileExtension}`]);
            await lease?.release();
            fs.rmSync(folder, { recursive: true });
        }
    });
});

describe('what stands in the way', () => {
    test('a folder, a link, a pipe or a huge file in a record’s place is a bad record, and can be set aside', async () => {
        const store = open();
        fs.writeFileSync(path.join(base, 'secret.txt'), 'outside');
        const place = (id: string) => path.join(folder, `${id}.json`);
        fs.mkdirSync(place('folder'));
        fs.writeFileSync(path.join(place('folder'), 'inside'), 'x');
        fs.symlinkSync(path.join(base, 'secret.txt'), place('link'));
        execFileSync('mkfifo', [place('pipe')]);
        fs.writeFileSync(place('huge'), '');
        fs.truncateSync(place('huge'), 7 * 1024 * 1024);
        for (const id of ['folder', 'link', 'pipe', 'huge']) {
            await expect((async () => store.read(id))(), id).rejects.toBeInstanceOf(DamagedRecordError);
            await store.setAside(id);
            await store.setAside(id);
            expect(await store.read(id), id).toBeUndefined();
            expect(await store.write(id, record({ id }), undefined, LATER), id).toBeDefined();
        }
        expect(fs.readFileSync(path.join(base, 'secret.txt'), 'utf8')).toBe('outside');
        expect(fs.readdirSync(path.join(folder, '.set-aside'))).toHaveLength(4);
        expect(fs.statSync(path.join(folder, '.set-aside')).mode & 0o777).toBe(0o700);
        await store.tidy(Date.now() - 60_000);
        expect(fs.readdirSync(path.join(folder, '.set-aside'))).toHaveLength(4);
        await store.tidy(Date.now() + 1_000);
        expect(fs.readdirSync(path.join(folder, '.set-aside'))).toHaveLength(0);
        expect(fs.readFileSync(path.join(base, 'secret.txt'), 'utf8')).toBe('outside');
        expect((await listed(store)).map(({ key }) => key)).toEqual(['folder', 'huge', 'link', 'pipe']);
    });

    test('damaged text is text: it is read, set aside, and never stops the walk', async () => {
        const store = open();
        await store.write('good', record(), undefined, LATER);
        fs.writeFileSync(path.join(folder, 'bad.json'), Buffer.from([0, 255, 123, 200]));
        expect(typeof (await read(store, 'bad'))).toBe('string');
        expect(await listed(store)).toHaveLength(2);
        await store.setAside('bad');
        expect((await listed(store)).map(({ key }) => key)).toEqual(['good']);
    });

    test('a folder removed in between is made anew by the next write, and closed to others', async () => {
        const store = open();
        const version = await store.write('abc', record(), undefined, LATER);
        fs.rmSync(base, { recursive: true });
        expect(await store.read('abc')).toBeUndefined();
        expect(await listed(store)).toEqual([]);
        await store.tidy(Date.now());
        expect(await store.write('abc', record(), version, LATER)).toBeUndefined();
        fs.rmSync(base, { recursive: true });
        expect(await store.write('abc', record({ n: 1 }), undefined, LATER)).toBeDefined();
        expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
        fs.rmSync(base, { recursive: true });
        const lease = await store.lock('abc', 100);
        expect(lease).toBeDefined();
        fs.rmSync(base, { recursive: true });
        await lease?.release();
    });

    test.skipIf(isRoot)('a file that may not be read is storage trouble, and works again afterwards', async () => {
        const store = open();
        await store.write('abc', record(), undefined, LATER);
        await read(store, 'abc');
        fs.chmodSync(path.join(folder, 'abc.json'), 0);
        await expect((async () => store.read('abc'))()).rejects.toMatchObject({ code: 'EACCES' });
        fs.chmodSync(path.join(folder, 'abc.json'), 0o600);
        expect(await read(store, 'abc')).toBe(record());
    });

    test('an error of the disk names no session', async () => {
        const store = open();
        fs.rmSync(folder, { recursive: true });
        fs.writeFileSync(folder, 'a file in the folder’s place');
        const failures = await Promise.allSettled([
            store.write('secretid', record(), undefined, LATER),
            store.write('secretid', record(), 'some version', LATER),
            store.remove('secretid', 'some version'),
            store.lock('secretid', 10),
            store.setAside('secretid'),
        ]);
        for (const failure of failures) {
            const { reason } = failure as PromiseRejectedResult;
            expect(reason).toMatchObject({ code: expect.stringMatching(/ENOTDIR|EEXIST/), name: 'StorageError' });
            expect(inspect(reason, { showHidden: true })).not.toContain('secretid');
        }
        expect(await store.read('secretid')).toBeUndefined();
    });

    test('a folder that can not be used is said at start-up, with the fix', () => {
        fs.writeFileSync(path.join(base, 'file'), '');
        expect(() => open({ path: path.join(base, 'file', 'sessions') })).toThrow(
            /sessions folder .* can't be used \(ENOTDIR\): make it writable .* drivers\.file\.path/,
        );
    });

    test('a folder of sessions that others may list is closed to them; one that holds other things is left alone', () => {
        fs.mkdirSync(folder, { mode: 0o755 });
        fs.writeFileSync(path.join(folder, '.gitignore'), '*');
        fs.writeFileSync(path.join(folder, 'abc.json'), record());
        open();
        expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
        fs.chmodSync(folder, 0o755);
        fs.mkdirSync(path.join(folder, 'photos'));
        open();
        expect(fs.statSync(folder).mode & 0o777).toBe(0o755);
    });

    test('a write that fails leaves nothing behind', async () => {
        const store = open();
        const version = await store.write('abc', record(), undefined, LATER);
        fs.mkdirSync(path.join(folder, 'dir.json'));
        await expect(store.write('dir', record(), 'some version', LATER)).rejects.toBeInstanceOf(DamagedRecordError);
        expect(await store.write('dir', record(), undefined, LATER)).toBeUndefined();
        expect(names()).toEqual(['abc.json', 'dir.json']);
        expect(await store.write('abc', record({ n: 1 }), version, LATER)).toBeDefined();
    });
});

describe('listing', () => {
    test('records that were written lately are not even read when older ones are asked for', async () => {
        const store = open();
        await store.write('new', record(), undefined, LATER);
        await store.write('old', record(), undefined, LATER);
        const old = new Date(Date.now() - 100_000);
        fs.utimesSync(path.join(folder, 'old.json'), old, old);
        expect((await listed(store, Date.now() - 50_000)).map(({ key }) => key)).toEqual(['old']);
        expect((await listed(store)).map(({ key }) => key)).toEqual(['new', 'old']);
    });

    test('hundreds of records are walked and removed', async () => {
        const store = open();
        await Promise.all(
            Array.from({ length: 300 }, (_, n) => store.write(`id${n}`, record({ n }), undefined, LATER)),
        );
        let removed = 0;
        for await (const { key: id, version } of store.records()) {
            removed += Number(await store.remove(id, version));
        }
        expect(removed).toBe(300);
        expect(names()).toEqual([]);
    });
});

describe('the package’s options', () => {
    const StockStore = sessionFileStore(session);
    const stock = (options: object = {}) =>
        new StockStore({ path: folder, reapInterval: -1, logFn: () => {}, ...options });
    const data = { cookie: { originalMaxAge: 3_600_000 }, user: 'Sharon' } as unknown as SessionData;

    test('records of the stock package are read, and ours are read by it', async () => {
        const store = open();
        await promisify(stock().set.bind(stock()))('abc', { ...data });
        const stored = (await store.read('abc')) as StoredRecord;
        expect(JSON.parse(stored.record)).toMatchObject({ user: 'Sharon', __lastAccess: expect.any(Number) });
        const changed = JSON.stringify({ ...JSON.parse(stored.record), user: 'Asif' });
        expect(await store.write('abc', changed, stored.version, LATER)).toBeDefined();
        expect(await promisify(stock().get.bind(stock()))('abc')).toMatchObject({ user: 'Asif' });
    });

    test('records encrypted with secret are read; only set() of the package still encrypts with it', async () => {
        const store = open({ secret: 'a secret' });
        const theirs = stock({ secret: 'a secret' });
        await promisify(theirs.set.bind(theirs))('abc', { ...data });
        const stored = (await store.read('abc')) as StoredRecord;
        expect(JSON.parse(stored.record)).toMatchObject({ user: 'Sharon' });
        const changed = record({ user: 'Asif', __lastAccess: Date.now() });
        const version = await store.write('abc', changed, stored.version, LATER);
        expect(version).toBeDefined();
        expect(fs.readFileSync(path.join(folder, 'abc.json'), 'utf8')).toContain('Asif');
        expect(await open({ secret: 'a secret' }).read('abc')).toEqual({ record: changed, version });
        await promisify(store.set.bind(store))('abc', { ...data });
        expect(fs.readFileSync(path.join(folder, 'abc.json'), 'utf8')).not.toContain('Sharon');
        expect(await promisify(theirs.get.bind(theirs))('abc')).toMatchObject({ user: 'Sharon' });
    });

    test('a wrong or missing secret is trouble and harms no record', async () => {
        const writer = open({ secret: 'a secret' });
        await promisify(writer.set.bind(writer))('abc', { ...data });
        await promisify(writer.set.bind(writer))('def', { ...data });
        const before = fs.readFileSync(path.join(folder, 'abc.json'), 'utf8');
        for (const options of [{ secret: 'another' }, {}]) {
            const store = open(options);
            await expect((async () => store.read('abc'))()).rejects.toMatchObject({ code: 'EDECRYPT' });
            await expect(store.write('abc', record(), 'x', LATER)).rejects.toMatchObject({ code: 'EDECRYPT' });
        }
        const tampered = JSON.parse(before) as { ct: string };
        fs.writeFileSync(path.join(folder, 'def.json'), JSON.stringify({ ...tampered, ct: `x${tampered.ct}` }));
        const store = open({ secret: 'a secret' });
        await expect((async () => store.read('def'))()).rejects.toMatchObject({ code: 'EDECRYPT' });
        for (const text of ['', 'x', '{}', record(), before.slice(0, 50), '{"ct":1}', 'null', '[]']) {
            fs.writeFileSync(path.join(folder, 'clear.json'), text);
            expect(await store.read('clear')).toMatchObject({ record: text }); // never encrypted: the layer above judges it
        }
        expect(fs.readFileSync(path.join(folder, 'abc.json'), 'utf8')).toBe(before);
        expect(names().filter((name) => name.startsWith('.'))).toEqual([]);
    });

    test('an encoder and decoder of one’s own are used, and a decoder that throws makes a bad record', async () => {
        const store = open({
            encoder: (value) => `v1:${JSON.stringify(value)}`,
            decoder: ((text: string) => {
                if (!text.startsWith('v1:')) {
                    throw new Error('not mine');
                }
                return JSON.parse(text.slice(3)) as unknown;
            }) as never,
        });
        const version = await store.write('abc', record({ n: 1 }), undefined, LATER);
        expect(fs.readFileSync(path.join(folder, 'abc.json'), 'utf8')).toBe(`v1:${record({ n: 1 })}`);
        expect(await store.read('abc')).toEqual({ record: record({ n: 1 }), version });
        expect(await store.write('abc', record({ n: 2 }), version, LATER)).toBeDefined();
        fs.writeFileSync(path.join(folder, 'bad.json'), record());
        await expect((async () => store.read('bad'))()).rejects.toBeInstanceOf(DamagedRecordError);
    });

    test('options that are undefined or frozen do no harm, and nothing is printed or timed', async () => {
        const store = open(
            Object.freeze({ path: folder, ttl: undefined, encoder: undefined, reapInterval: 1 }) as object,
        );
        await store.write('abc', record(), undefined, LATER);
        expect(await read(store, 'abc')).toBe(record());
    });
});

describe('as an express-session store of its own', () => {
    const data = (more: object = {}) => ({ cookie: { originalMaxAge: 3_600_000 }, ...more }) as unknown as SessionData;
    const get = (store: FileStore, id: string) =>
        new Promise<unknown[]>((resolve) => store.get(id, (...answer) => resolve(answer)));
    const done = (start: (callback: (error: unknown) => void) => void) =>
        new Promise<void>((resolve, reject) => start((error) => (error ? reject(error) : resolve())));

    test('a session is stored, touched, listed and destroyed; its object is left as it was', async () => {
        const store = open();
        const mine = data({ user: 'Sharon' });
        await done((cb) => store.set('abc', mine, cb));
        expect(mine).toEqual(data({ user: 'Sharon' }));
        expect(await get(store, 'abc')).toEqual([null, data({ user: 'Sharon' })]);
        await done((cb) => store.set('abc', data({ user: 'Asif' }), cb));
        const touched = { cookie: { originalMaxAge: 5_000_000 } } as unknown as SessionData;
        await done((cb) => store.touch('abc', touched, cb));
        expect(await get(store, 'abc')).toEqual([null, { cookie: { originalMaxAge: 5_000_000 }, user: 'Asif' }]);
        expect(await promisify(store.length.bind(store))()).toBe(1);
        expect(await promisify(store.list.bind(store))()).toEqual(['abc.json']);
        expect(Object.keys((await promisify(store.all.bind(store))()) as object)).toEqual(['abc']);
        await done((cb) => store.destroy('abc', cb));
        await done((cb) => store.destroy('abc', cb));
        expect(await get(store, 'abc')).toEqual([null, undefined]);
        await done((cb) => store.set('one', data(), cb));
        await done((cb) => store.set('two', data(), cb));
        await done((cb) => store.clear(cb));
        expect(await promisify(store.length.bind(store))()).toBe(0);
    });

    test('a touch does not bring an ended session back', async () => {
        const store = open();
        await done((cb) => store.touch('abc', data(), cb));
        expect(names()).toEqual([]);
    });

    test('a session is expired by the package’s rule', async () => {
        const store = open({ ttl: 1 });
        const write = (id: string, value: object) => store.write(id, JSON.stringify(value), undefined, LATER);
        await write('long', { cookie: { originalMaxAge: 60_000 }, __lastAccess: Date.now() - 30_000 });
        await write('gone', { cookie: { originalMaxAge: 10_000 }, __lastAccess: Date.now() - 30_000 });
        await write('ttl', { cookie: { originalMaxAge: null }, __lastAccess: Date.now() - 2_000 });
        await write('never', { cookie: {} });
        const answers: Record<string, boolean | undefined> = {};
        for (const id of ['long', 'gone', 'ttl', 'never', 'missing']) {
            answers[id] = (await promisify(store.expired.bind(store))(id)) as boolean | undefined;
            expect((await get(store, id))[1] === undefined).toBe(answers[id]);
        }
        expect(answers).toEqual({ long: false, gone: true, ttl: true, never: true, missing: true });
        expect(Object.keys((await promisify(store.all.bind(store))()) as object)).toEqual(['long']);
    });

    test('a damaged record is set aside with a warning that names no id', async () => {
        const warnings: string[] = [];
        const store = open({ warn: (message) => warnings.push(message) });
        for (const text of ['', '{"cookie":', 'null', '[]', '{}', '{"cookie":1}']) {
            fs.writeFileSync(path.join(folder, 'secretid.json'), text);
            expect(await get(store, 'secretid')).toEqual([null, undefined]);
        }
        expect(warnings).toHaveLength(6);
        expect(warnings.join()).not.toContain('secretid');
        expect(fs.readdirSync(path.join(folder, '.set-aside'))).toHaveLength(6);
    });

    test('fallbackSessionFn makes the session that is missing', async () => {
        const store = open({ fallbackSessionFn: () => data({ isNew: true }) });
        expect(await get(store, 'abc')).toEqual([null, data({ isNew: true })]);
        expect(await store.read('abc')).toBeUndefined();
    });
});
