import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import session from 'express-session';
import { describe, expect, test } from 'vitest';
import { artisanOn } from './artisanOn.js';
import { recordWith } from './helpers/inside/Contract.js';
import { SessionManager } from './helpers/inside/Session/Opening.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { RedisStore } from './helpers/inside/Session/Stores/Redis.js';
import { memberRoutes } from './helpers/loginRoutes.js';
import { onRedis } from './helpers/onRedis.js';
import { type SessionAppOptions, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

const later = () => Date.now() + 600_000;

/** All files below a folder, with what is in them and when it was written. */
function everythingIn(folder: string): Record<string, [string, number]> {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return Object.fromEntries(
        files.map((file) => {
            const path = join(file.parentPath, file.name);
            return [path, [readFileSync(path, 'utf8'), statSync(path).mtimeMs]];
        }),
    );
}

/** An application whose driver `own` is what is made here, in a store that all commands of a test share. */
function withDriver(make: () => unknown, more: SessionAppOptions = {}): SessionAppOptions {
    return {
        ...more,
        session: { driver: 'own', ...more.session },
        boot: (app) => {
            app.container.make(SessionManager).extend('own', () => make() as never);
        },
    };
}

describe('./artisan session:test', () => {
    test('tries the file driver beside live sessions, touches none of them, and leaves nothing behind', async () => {
        const root = temporaryFolder();
        const app = await sessionApp({ root, routes: memberRoutes });
        const visitor = app.browser();
        await visitor.visit('/login', { method: 'POST', body: { user: 7 } });
        await app.close();
        const before = everythingIn(app.folder);
        expect(Object.keys(before).length).toBeGreaterThan(0);

        const { code, output, errors } = await artisanOn({ root })('session:test');
        expect([code, errors]).toEqual([0, '']);
        expect(output).toContain(`Session driver [file], in a folder of its own inside ${app.folder}`);
        expect(output).toMatch(/\n {2}ok +\d+ ms {2}loses nothing between two handles on the same storage\n/);
        expect(output).toMatch(/\nIt keeps 45 of 45 promises\. It took \d+\.\d s\.\n/);
        expect(output).toMatch(/\n {2}sessions outlive a restart +yes\n {2}holds between processes +yes\n/);
        expect(everythingIn(app.folder)).toEqual(before);
        expect(readdirSync(app.folder).filter((name) => name.startsWith('.contract'))).toEqual([]);
    });

    test('tries the memory driver in its own process, also while sessions are off, and says what can be tried nowhere else', async () => {
        const { code, output, errors } = await artisanOn({ session: { enabled: false } })(
            'session:test --driver=memory',
        );
        expect([code, errors]).toEqual([0, '']);
        expect(output).toContain('says nothing of the sessions in a server that runs');
        expect(output).toMatch(/skipped +locks between two handles on the same storage: nobody else can reach/);
        expect(output).toMatch(/It keeps 42 of 42 promises\. 3 could not be tried\./);
        expect(output).toMatch(/sessions outlive a restart +no\n/);
    });

    test('a promise that a driver breaks is named, and the exit code is 1, also where the secret would stop a start', async () => {
        class Forgetful extends MemoryStore {
            public override async write(id: string, record: string): Promise<unknown> {
                const stored = await super.read(id);
                return super.write(id, record, stored?.version, later());
            }
        }
        const weak: SessionAppOptions = { environment: 'production', session: { secret: 'short' } };
        const { code, output, errors } = await artisanOn(withDriver(() => new Forgetful(), weak))('session:test');
        expect(code).toBe(1);
        expect(output).toMatch(
            /failed +\d+ ms {2}writes only where the version is the stored one: a record was written/,
        );
        expect(errors).toMatch(/^Sessions can't rely on this driver: \d+ promises are not kept\.\n$/);
    });

    test('a plain store is told what it lacks, and its live sessions stay as they are', async () => {
        const store = new session.MemoryStore();
        const live = { cookie: { originalMaxAge: 60_000 }, user: 'Sharon' };
        await new Promise((resolve) => store.set('live', live as never, resolve));
        const { code, output, errors } = await artisanOn(withDriver(() => store))('session:test');
        expect([code, errors]).toEqual([0, '']);
        expect(output).toContain('beside the live sessions, under random keys of its own');
        expect(output).toContain('\nbehind the adapter, it\n');
        expect(output).toMatch(/lacks +\d+ ms {2}lists what was written before a time: the time makes no difference\n/);
        expect(output).toMatch(/limits +a plain express-session store: changes are merged/);
        const { sessions } = store as unknown as { sessions: Record<string, string> };
        expect(Object.keys(sessions)).toEqual(['live']);
        expect(JSON.parse(sessions['live'] as string)).toMatchObject({ user: 'Sharon' });
    });

    test('what others set aside in a driver of your own stays there', async () => {
        let tidied = 0;
        class Own extends MemoryStore {
            public override async tidy(): Promise<void> {
                tidied += 1;
            }
        }
        const own = new Own();
        await own.write('live', recordWith({ n: 1 }), undefined, later());
        const { code, output } = await artisanOn(withDriver(() => own))('session:test --json');
        expect([code, tidied]).toEqual([0, 0]);
        expect(JSON.parse(output)).toMatchObject({ driver: 'own', ok: true, abilities: { survivesRestart: false } });
        const ids: string[] = [];
        for await (const { key: id } of own.records()) {
            ids.push(id);
        }
        expect(ids).toEqual(['live']);
    });

    test('a store that never answers is given up at a signal, too', async () => {
        const silent = { get: () => undefined, set: () => undefined, destroy: () => undefined };
        const running = artisanOn(withDriver(() => silent))('session:test --json');
        await expect.poll(() => process.listenerCount('SIGINT')).toBeGreaterThan(0);
        process.emit('SIGINT');
        const { code, output, errors } = await running;
        expect([code, errors]).toEqual([1, 'Stopped before the end.\n']);
        expect(JSON.parse(output)).toMatchObject({ driver: 'own', ok: false });
    });

    test('is stopped by a signal, and cleans up', async () => {
        const root = temporaryFolder();
        const stopping = withDriver(() => new MemoryStore(), { root, session: { driver: 'file' } });
        const running = artisanOn(stopping)('session:test');
        await expect.poll(() => process.listenerCount('SIGINT')).toBeGreaterThan(0);
        process.emit('SIGINT');
        const { code, output, errors } = await running;
        expect([code, errors]).toEqual([1, 'Stopped before the end.\n']);
        expect(output).toMatch(/skipped +keeps a record until its time: it was not reached\n/);
        expect(readdirSync(join(root, 'storage/sessions'))).toEqual([]);
    });

    test('a driver that there is not is wrong use', async () => {
        const { code, errors } = await artisanOn()('session:test --driver=memry');
        expect([code, errors]).toEqual([2, 'There is no session driver memry: did you mean memory?\n']);
    });
});

await onRedis('./artisan session:test on Redis', (server) => {
    test('uses keys of its own, removes them, and the application sees none of them', async () => {
        const redis = { port: server.port, prefix: 'live:' };
        const store = await RedisStore.open(redis);
        await store.write('one', recordWith({ n: 1 }), undefined, later());
        const seen = new Set<string>();
        let isOver = false;
        const walks = (async () => {
            while (!isOver) {
                for await (const { key: id } of store.records()) {
                    seen.add(id);
                }
            }
        })();
        const ran = await artisanOn({ session: { driver: 'redis', drivers: { redis } } })('session:test');
        isOver = true;
        await walks;
        await store.close();
        expect([ran.code, ran.errors]).toEqual([0, '']);
        expect(ran.output).toMatch(/under keys of its own \(live:~contract:\w+:…\)/);
        expect(ran.output).toContain('It keeps 45 of 45 promises.');
        expect(ran.output).toMatch(/fails by itself after +1000 ms/);
        expect([...seen]).toEqual(['one']);
        expect(server.cli('KEYS', '*')).toBe('live:one');
    });
});
