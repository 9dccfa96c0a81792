import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SessionMigration } from 'sosise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { artisanOn } from './artisanOn.js';
import type { Browser } from './helpers/Browser.js';
import { memberRoutes } from './helpers/loginRoutes.js';
import { onPostgres } from './helpers/onPostgres.js';
import { hasSqlite, ownTable } from './helpers/ownTable.js';
import { postgresServer } from './helpers/postgres.js';
import { type SessionApp, sessionApp, temporaryFolder } from './helpers/sessionApp.js';
import { createTestApp } from './stockTestApp.js';

/** A database of a test's own, and what of it a message may name. */
interface Place {
    readonly database: Record<string, unknown>;
    readonly address: string;
}

function onServer(): Place & { sql: ReturnType<typeof ownTable>['sql'] } {
    const { options, sql, drop } = ownTable();
    onTestFinished(drop);
    const { createTable: _, ...database } = options;
    return { database, address: `${postgresServer.host}:${postgresServer.port}`, sql };
}

function inFile(): Place {
    const url = join(temporaryFolder(), 'sessions.sqlite');
    return { database: { url }, address: url };
}

const sessionOf = ({ database }: Place) => ({ driver: 'database', drivers: { database } });

/** A browser with the cookies of another. */
function browserAt(app: SessionApp, { cookies }: Browser): Browser {
    const browser = app.browser();
    for (const [name, value] of cookies) {
        browser.cookies.set(name, value);
    }
    return browser;
}

/** What holds on both. */
function onEither(place: () => Place, name: string): void {
    test('./artisan session:table prints SQL that makes the table, and --run makes it, again and again', async () => {
        const where = place();
        const artisan = artisanOn({ session: sessionOf(where), environment: 'production' });
        const { code, output } = await artisan('session:table');
        expect(code).toBe(0);
        expect(output).toMatch(/^-- Sosise sessions, version 1\.\n[\s\S]*CREATE TABLE IF NOT EXISTS/);
        expect((await artisan('session:table --run')).output).toMatch(/^The table \w+ was made\.\n$/);
        expect((await artisan('session:table --run')).output).toMatch(/^The table \w+ is there already\.\n$/);
    });

    test('the doctor says whether the table is there, and makes none by looking', async () => {
        const where = place();
        const artisan = artisanOn({ session: sessionOf(where) });
        const report = async () => (await artisan('session:doctor')).output;
        for (let looks = 0; looks < 2; looks += 1) {
            expect(await report()).toMatch(/The table \w+ is missing\. The start makes it\./);
        }
        await artisan('session:table --run');
        const output = await report();
        expect(output).toContain(`${name} `);
        expect(output).toContain(`answers at ${where.address}`);
        expect(output).toMatch(/\w+ is there\./);
        expect(output).toContain('No damaged record was quarantined.');
        expect(output).not.toMatch(/problem/);
    });

    test('sessions are listed, shown and pruned, and about names the database', async () => {
        const session = sessionOf(place());
        const app = await sessionApp({ session, routes: memberRoutes });
        await app.browser().visit('/login', { method: 'POST', body: { user: 7 } });
        await app.browser().visit('/login', { method: 'POST', body: { user: 8 } });
        await app.close();
        const artisan = artisanOn({ session });
        expect((await artisan('session:list --json')).output).toContain('"user":"8"');
        expect((await artisan('session:list --user=7')).output).toContain('7');
        expect((await artisan('session:prune')).output).toMatch(/^0 expired sessions removed, 2 kept\./);
        expect((await artisan('session:revoke --user=7')).code).toBe(0);
        expect((await artisan('session:list --json')).output).not.toContain('"user":"7"');
        expect((await artisan('about')).output).toMatch(new RegExp(`Driver +database \\(${name}\\)`));
    });

    test('./artisan session:test tries it in tables of its own, and leaves nothing behind', async () => {
        const where = place();
        const { code, output, errors } = await artisanOn({ session: sessionOf(where) })('session:test');
        expect([code, errors]).toEqual([0, '']);
        expect(output).toMatch(/^Session driver \[database\], in tables of its own \(\w+_contract_[0-9a-f]+_…\): live/);
        expect(output).toMatch(/\nIt keeps (\d+) of \1 promises\./);
    });

    test.each([
        ['file', 'database'],
        ['database', 'file'],
    ])('sessions move from %s to %s, and those of before are taken on first use', async (from, to) => {
        const path = temporaryFolder();
        const drivers = { file: { path }, database: place().database };
        const before = await sessionApp({ session: { driver: from, drivers }, routes: memberRoutes });
        const browsers = Array.from({ length: 5 }, () => before.browser());
        for (const [user, browser] of browsers.entries()) {
            await browser.visit('/login', { method: 'POST', body: { user } });
        }
        await before.close();
        const after = await sessionApp({ session: { driver: to, fallback: [from], drivers }, routes: memberRoutes });
        const [first, ...others] = browsers.map((browser) => browserAt(after, browser));
        expect(await first?.json('/me')).toMatchObject({ user: '0' });
        const counts = await after.app.container.make(SessionMigration).run({ from, to });
        expect(counts).toMatchObject({ moved: 4, over: 0, damaged: 0 });
        await after.close();
        const alone = await sessionApp({ session: { driver: to, drivers }, routes: memberRoutes });
        for (const [user, browser] of [first, ...others].entries()) {
            expect(await browserAt(alone, browser as Browser).json('/me')).toMatchObject({ user: String(user) });
        }
    });
}

await onPostgres('the console on PostgreSQL', () => {
    onEither(onServer, 'PostgreSQL');

    test('the SQL that is printed is what a person can run', async () => {
        const { database, sql } = onServer();
        const { output } = await artisanOn({ session: { driver: 'database', drivers: { database } } })('session:table');
        await sql(output);
        await sql(output);
        const app = await sessionApp({
            session: { driver: 'database', drivers: { database } },
            environment: 'production',
        });
        await app.close();
    });

    test('an application is tested in a table that is gone afterwards', async () => {
        const { database, sql } = onServer();
        const { table, ...server } = database;
        const tables = "SELECT count(*)::int AS n FROM pg_tables WHERE tablename LIKE 'sessions_test_%'";
        const [before] = await sql(tables);
        const app = await createTestApp({
            session: { enabled: true, cookie: { secure: false }, driver: 'database', drivers: { database: server } },
        });
        const client = app.client().withSession({ basket: [1] } as object);
        await client.get('/');
        expect(await client.session()).toEqual({ basket: [1] });
        expect((await sql(tables))[0]?.['n']).toBe(Number(before?.['n']) + 1);
        await app.close();
        expect(await sql(tables)).toEqual([before]);
    });

    test('config:show hides passwords', async () => {
        const password = randomBytes(12).toString('hex');
        const database = { url: `postgres://anna:${password}@db/shop`, password };
        const { output } = await artisanOn({ session: { driver: 'database', drivers: { database } } })('config:show');
        expect(output).toContain('postgres://anna:****@db/shop');
        expect(output).not.toContain(password);
    });
});

describe.skipIf(!hasSqlite)('the console on SQLite', () => {
    onEither(inFile, 'SQLite');

    test('a relative path is taken from the application’s root', async () => {
        const root = temporaryFolder();
        const session = { driver: 'database', drivers: { database: { url: 'storage/sessions.sqlite' } } };
        const app = await sessionApp({ root, session, environment: 'production' });
        await app.close();
        expect(readFileSync(join(root, 'storage/sessions.sqlite')).subarray(0, 6).toString()).toBe('SQLite');
    });
});
