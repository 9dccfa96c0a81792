import { Command, type CommandInput } from './Command.js';
import { CommandError } from './CommandError.js';

const BOOT_MS = 15_000;
const DRIVER = 'database';

/** The table of the driver `database`: its SQL for whoever looks after the database, or the table itself. */
export class SessionTableCommand extends Command {
    public readonly signature = 'session:table';
    public readonly description = "Prints the SQL of the database driver's table, or makes it";
    public override readonly options = [
        { flag: '--run', description: 'make the table; where it is there, nothing changes' },
    ];

    public async handle({ options }: CommandInput): Promise<void> {
        const [{ SessionSetup }, { openDatabase, TABLE }, { createTable, tableSql, tableVersion }, { sqlitePathOf }] =
            await Promise.all([
                import('./SessionSetup.js'),
                import('../Session/Stores/Database/openDatabase.js'),
                import('../Session/Stores/Database/sessionTable.js'),
                import('../Session/Config/databaseUrl.js'),
            ]);
        const setup = await SessionSetup.read(this.artisan, DRIVER);
        const given = setup.optionsOf(DRIVER);
        const table = String(given['table'] ?? TABLE);
        if (!options['run']) {
            this.line(tableSql(sqlitePathOf(given['url']) === undefined ? 'postgres' : 'sqlite', table));
            return;
        }
        try {
            const { manager } = await setup.openManager(BOOT_MS);
            const database = await openDatabase(manager.optionsWith(DRIVER, given));
            try {
                const before = await tableVersion(database, table);
                await createTable(database, table);
                if ((await tableVersion(database, table)) === 0) {
                    throw new CommandError(`There is a table ${table} already, and it is none for these sessions.`);
                }
                this.line(before > 0 ? `The table ${table} is there already.` : `The table ${table} was made.`);
            } finally {
                await database.close();
            }
        } finally {
            await setup.close();
        }
    }
}
