import { describe, expect, test } from 'vitest';
import { optionalImport } from './helpers/inside/Config.js';
import { onCluster } from './helpers/onPostgres.js';
import { freePort } from './helpers/redis.js';
import { createKernel } from './helpers/sessionApp.js';
import { silentServer } from './helpers/silentServer.js';

const PASSWORD = 'Geheim7kQ2vX9mZ4rT8w';

type Environment = 'test' | 'production' | 'development';

/** What start-up says of the options of the driver. */
async function refusal(database: Record<string, unknown>, environment: Environment = 'test'): Promise<string> {
    const session = { driver: 'database', drivers: { database } };
    try {
        const { app } = createKernel({ session, environment });
        await app.boot();
        await app.shutdown();
        return 'started';
    } catch (error) {
        return (error as Error).message;
    }
}

describe('the options of the database driver', () => {
    test.each([
        [{ hots: 'x' }, /drivers\.database\.hots is not a known key: did you mean drivers\.database\.host\?/],
        [{ port: '5432' }, /drivers\.database\.port .* use 5432 without quotes/],
        [{ commandTimeout: 5 }, /did you mean drivers\.database\.commandTimeoutMs\?/],
        [{ url: `mysql://anna:${PASSWORD}@x/shop` }, /drivers\.database\.url is no address of a database/],
        [{ url: `anna:${PASSWORD}` }, /drivers\.database\.url is no address of a database/],
        [{ url: ':memory:' }, /drivers\.database\.url is no address of a database.*driver 'memory'/],
        [{ url: 'sqlite::memory:' }, /drivers\.database\.url is no address of a database/],
        [{ password: 7 }, /drivers\.database\.password/],
        [{ pool: {} }, /drivers\.database\.pool .*pools of the package pg/],
        [{ table: 'a"; DROP TABLE b' }, /drivers\.database\.table .*names of tables/],
    ])('are checked at start-up, without a password in the message: %j', async (database, message) => {
        const said = await refusal(database);
        expect(said).toMatch(message);
        expect(said).not.toContain(PASSWORD);
    });

    test.each([
        { idleTimeoutMillis: 5_000 },
        { application_name: 'shop' },
        { min: 1 },
        { query_timeout: 5 },
        { options: '-c x=y' },
    ])('may be any of the pool: %j', async (database) => {
        const said = await refusal({ ...database, host: '127.0.0.1', port: await freePort(), connectTimeoutMs: 1 });
        expect(said).toMatch(/did not answer/);
    });

    test('without a server, start-up tries for a while, and says in one sentence what to do', async () => {
        const port = await freePort();
        const started = performance.now();
        const url = `postgres://anna:${PASSWORD}@127.0.0.1:${port}/shop`;
        expect(await refusal({ url, connectTimeoutMs: 300 })).toBe(
            `Session driver [database]: 127.0.0.1:${port} did not answer within 300 ms (ECONNREFUSED): start PostgreSQL, or correct drivers.database in src/config/session.ts.`,
        );
        expect(performance.now() - started).toBeGreaterThan(150);
    });

    test('a server that accepts connections and never says a word stops start-up in time', async () => {
        const port = await silentServer();
        const said = await refusal({ host: '127.0.0.1', port, connectTimeoutMs: 300, commandTimeoutMs: 100 });
        expect(said).toMatch(/did not answer within 300 ms \(ETIMEDOUT\)/);
    });
});

test('a package that is not installed is named with the command that installs it', async () => {
    const missing = 'no-such-package';
    await expect(optionalImport('Session driver [database]', 'pg', () => import(missing))).rejects.toThrow(
        'Session driver [database] needs packages that are not installed: npm install pg --save-prod',
    );
});

await onCluster('at the start, the database driver', (cluster) => {
    const url = (user: string, database = 'postgres') =>
        `postgres://${user}:${PASSWORD}@127.0.0.1:${cluster.port}/${database}`;

    test('makes its table while somebody develops, and names the command in production', async () => {
        const production = () => refusal({ ...cluster.options, table: 'made' }, 'production');
        expect(await production()).toBe(
            `Session driver [database]: 127.0.0.1:${cluster.port} has no table made: ./artisan session:table prints its SQL, and --run makes it.`,
        );
        const starts = Array.from({ length: 4 }, () => refusal({ ...cluster.options, table: 'made' }, 'development'));
        expect(await Promise.all(starts)).toEqual(Array(4).fill('started'));
        expect(await production()).toBe('started');
    });

    test('does not touch a table of the same name that is not its own', async () => {
        await cluster.sql('CREATE TABLE theirs (id text, payload text, last_activity int)');
        expect(await refusal({ ...cluster.options, table: 'theirs' })).toBe(
            'Session driver [database]: the table theirs is not one for these sessions: set table of drivers.database in src/config/session.ts to another name.',
        );
        const columns = "SELECT count(*)::int AS n FROM information_schema.columns WHERE table_name = 'theirs'";
        expect(await cluster.sql(columns)).toEqual([{ n: 3 }]);
    });

    test('takes a table of a schema', async () => {
        await cluster.sql('CREATE SCHEMA shop');
        expect(await refusal({ ...cluster.options, table: 'shop.sessions' })).toBe('started');
        expect(await cluster.sql('SELECT record FROM shop.sessions')).toEqual([{ record: '1' }]);
    });

    test('says at once, and without a name or a password, who may not do what', async () => {
        const never = { connectTimeoutMs: 3_600_000 };
        expect(await refusal({ url: url('shop', 'nowhere'), ...never })).toBe(
            `Session driver [database]: 127.0.0.1:${cluster.port} refused the application: PostgreSQL refused: database "nowhere" does not exist (3D000). Correct user, password and database of drivers.database in src/config/session.ts.`,
        );
        const stranger = await refusal({ url: url('stranger'), ...never });
        expect(stranger).toMatch(/refused the application: PostgreSQL refused: the role does not exist \(28000\)/);
        expect(stranger).not.toMatch(new RegExp(`stranger|${PASSWORD}`));
        expect(await refusal({ ...cluster.options, table: 'rights' })).toBe('started');
        await cluster.sql('GRANT SELECT, INSERT ON rights TO shop');
        expect(await refusal({ url: url('shop'), table: 'rights', ...never })).toMatch(
            /refused the application: .*\(42501\)\. Allow its user to SELECT, INSERT, UPDATE and DELETE in the table rights\./,
        );
        await cluster.sql('GRANT UPDATE, DELETE ON rights TO shop');
        expect(await refusal({ url: url('shop'), table: 'rights', ...never }, 'production')).toBe('started');
    });

    test('says so where a server without TLS is asked for it', async () => {
        expect(await refusal({ ...cluster.options, ssl: true, connectTimeoutMs: 3_600_000 })).toBe(
            `Session driver [database]: 127.0.0.1:${cluster.port} can't be spoken to over TLS (ESSL): correct ssl of drivers.database in src/config/session.ts, or sslmode in its url; its ca holds the certificate of who signed the server's.`,
        );
    });

    test('says in the server’s own words that it lets nobody in', async () => {
        await cluster.sql('ALTER ROLE shop CONNECTION LIMIT 0');
        const said = await refusal({ url: url('shop'), connectTimeoutMs: 300 });
        await cluster.sql('ALTER ROLE shop CONNECTION LIMIT -1');
        expect(said).toMatch(
            /let nobody in within 300 ms: PostgreSQL refused: too many connections for the role \(53300\)\. Look at the server/,
        );
    });

    test('does not take a table for connect-pg-simple’s that is none', async () => {
        expect(await refusal({ ...cluster.options, formerTable: 'nothing' })).toBe(
            'Session driver [database]: formerTable of drivers.database in src/config/session.ts names nothing, which is no table of connect-pg-simple (sid, sess, expire).',
        );
    });
});
