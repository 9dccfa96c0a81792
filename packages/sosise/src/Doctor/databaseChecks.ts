import { toError } from '../Exceptions/thrown.js';
import type { Database } from '../Session/Stores/Database/Database.js';
import { DatabaseError } from '../Session/Stores/Database/DatabaseError.js';
import type { DatabaseStoreOptions } from '../Session/Stores/Database/DatabaseStoreOptions.js';
import { openDatabase, TABLE } from '../Session/Stores/Database/openDatabase.js';
import { quoted, tableVersion } from '../Session/Stores/Database/sessionTable.js';
import { counted, sizeOf } from '../Support/words.js';
import { type Check, ok, problem } from './Check.js';
import type { Examined } from './Examined.js';
import { asideCheck } from './folderChecks.js';
import { looked } from './looked.js';
import { speedCheck } from './speedCheck.js';

const CONFIG = 'src/config/session.ts';
const NAMES = { postgres: 'PostgreSQL', sqlite: 'SQLite' };
const COMMAND_MS = 1_000;
const TRIES = 3;

/** Whether a database answers, has the table, and is one that sessions can stay in. */
export async function databaseChecks(
    options: DatabaseStoreOptions,
    examined: Examined,
): Promise<{ checks: Check[]; isReady: boolean }> {
    let database: Database;
    try {
        const commandTimeoutMs = Math.min(COMMAND_MS, options.commandTimeoutMs ?? COMMAND_MS);
        database = await openDatabase({ ...options, commandTimeoutMs });
    } catch (error) {
        const check = problem('Database', toError(error).message, `Correct drivers.database in ${CONFIG}.`);
        return { checks: [check], isReady: false };
    }
    try {
        return await connected(database, options, examined);
    } catch (error) {
        return { checks: [unreachable(error, database)], isReady: false };
    } finally {
        await database.close();
    }
}

function unreachable(error: unknown, { address, dialect }: Database): Check {
    if (!(error instanceof DatabaseError) || dialect === 'sqlite') {
        return problem('Database', toError(error).message, `Correct drivers.database in ${CONFIG}, or what it names.`);
    }
    return error.isLasting
        ? problem(
              'Database',
              `${address} refused the application. ${error.message}`,
              `Correct user, password, database and ssl of drivers.database in ${CONFIG}.`,
          )
        : problem(
              'Database',
              `${address} does not answer (${error.code}).`,
              `Start PostgreSQL, or correct drivers.database in ${CONFIG}.`,
          );
}

async function connected(database: Database, options: DatabaseStoreOptions, examined: Examined) {
    const { table = TABLE } = options;
    const checks = [await answering(database)];
    const isMade = (await tableVersion(database, table)) > 0;
    if (isMade) {
        checks.push(ok('Table', `${table} is there.`));
        checks.push(...(await looked('Records', () => contents(database, table, options, examined))));
    } else {
        checks.push(absent(database, table, options.createTable ?? !examined.environment.isProduction));
    }
    // Opening it would make the table: a look changes nothing.
    return { checks, isReady: isMade && !checks.some(({ status }) => status === 'problem') };
}

function absent({ dialect }: Database, table: string, isMadeAtStart: boolean): Check {
    const text = `The table ${table} is missing.`;
    return isMadeAtStart || dialect === 'sqlite'
        ? ok('Table', `${text} The start makes it.`)
        : problem('Table', text, './artisan session:table --run');
}

async function answering(database: Database): Promise<Check> {
    const isPostgres = database.dialect === 'postgres';
    const sql = isPostgres
        ? "SELECT current_setting('server_version') AS version, pg_is_in_recovery() OR current_setting('transaction_read_only')::bool AS readonly"
        : 'SELECT sqlite_version() AS version, 0 AS readonly';
    let took = Number.POSITIVE_INFINITY;
    let [row] = await database.rows(sql, []);
    for (let tries = 0; tries < TRIES; tries += 1) {
        const started = performance.now();
        [row] = await database.rows(sql, []);
        took = Math.min(took, performance.now() - started);
    }
    const version = String(row?.['version']).split(' ')[0];
    const text = `${NAMES[database.dialect]} ${version} answers at ${database.address} in ${took.toFixed(1)} ms.`;
    if (row?.['readonly']) {
        return problem(
            'Database',
            `${text} It takes no changes: it is a replica, or read-only.`,
            `Name the primary in drivers.database (${CONFIG}).`,
        );
    }
    return speedCheck('Database', text, took);
}

async function contents(
    database: Database,
    table: string,
    { keepDamagedMs }: DatabaseStoreOptions,
    { settings }: Examined,
): Promise<Check[]> {
    const [aside] = await database.rows(
        `SELECT count(*) AS count, min(written_at) AS oldest FROM ${quoted(table)} WHERE key >= '~aside:' AND key < '~aside;'`,
        [],
    );
    return [
        await size(database, table),
        asideCheck(
            { count: Number(aside?.['count']), oldest: Number(aside?.['oldest']) },
            keepDamagedMs ?? settings.keepDamagedMs,
            `Look at the rows of ${table} whose key begins with ~aside: another program may write there.`,
        ),
    ];
}

/** Of PostgreSQL what it reckons: counting a million rows takes long. */
async function size(database: Database, table: string): Promise<Check> {
    if (database.dialect === 'sqlite') {
        const [row] = await database.rows(
            'SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()',
            [],
        );
        return ok('Records', `The file has ${sizeOf(Number(row?.['bytes']))}.`);
    }
    const [row] = await database.rows(
        'SELECT n_live_tup AS live, n_dead_tup AS dead, pg_total_relation_size(relid) AS bytes FROM pg_stat_all_tables WHERE relid = to_regclass($1)',
        [quoted(table)],
    );
    const [live, dead, bytes] = ['live', 'dead', 'bytes'].map((name) => Number(row?.[name]));
    return ok(
        'Records',
        `About ${counted(live ?? 0, 'record')} and ${counted(dead ?? 0, 'dead row')} take ${sizeOf(bytes ?? 0)}.`,
    );
}
