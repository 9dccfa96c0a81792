import { ServerError } from '../../Drivers/ServerError.js';

/** SQLSTATE: wrong login, no such database, missing rights. The options, or the file, are wrong, not the moment. */
const LASTING = /^(?:28...|3D000|42501|SQLITE_(?!BUSY|LOCKED|FULL).*)$/;
/** The connection did not last, or let nobody in: what was asked was not done. Not 57P02: a crash may come after the commit. */
const UNSENT = /^(?:57P01|57P03|53300)$/;
/** Said of a connection; by PgBouncer also where its own broke in the midst of a statement. */
const BROKEN = /^08...$/;

/** PostgreSQL or SQLite could not be asked, or refused. */
export class DatabaseError extends ServerError {
    public override readonly name = 'DatabaseError';

    public override get isLasting(): boolean {
        return this.isOfTls || LASTING.test(this.code);
    }

    /** There is no such table, or none with these columns. */
    public get isOfTable(): boolean {
        return this.code === '42P01' || this.code === '42703' || this.code === 'SQLITE_ERROR';
    }
}

/** What the package pg failed with. @param wasConnected Whether the statement was on its way. */
export function postgresError(error: unknown, wasConnected: boolean): DatabaseError {
    if (error instanceof DatabaseError) {
        return error;
    }
    const { code, severity, message } = (error ?? {}) as { code?: unknown; severity?: unknown; message?: unknown };
    if (typeof severity === 'string' && typeof code === 'string') {
        const said = String(message).replace(/\b(user|role) ".*?"/g, 'the $1');
        const away = wasConnected ? 'lost' : 'unsent';
        const kind = UNSENT.test(code) ? 'unsent' : BROKEN.test(code) ? away : 'refused';
        return new DatabaseError(`PostgreSQL refused: ${said} (${code}).`, code, kind);
    }
    const why = codeIn(error);
    return new DatabaseError(`PostgreSQL can't be reached (${why}).`, why, wasConnected ? 'lost' : 'unsent');
}

/** Several addresses were tried: what the first one said. The package has no code for some of its own. */
function codeIn(error: unknown): string {
    const { code, errors, message } = (error ?? {}) as { code?: unknown; errors?: unknown[]; message?: unknown };
    if (typeof code === 'string') {
        return code;
    }
    if (Array.isArray(errors) && errors.length > 0) {
        return codeIn(errors[0]);
    }
    const said = String(message);
    return /SSL/.test(said) ? 'ESSL' : /timeout|timed out/i.test(said) ? 'ETIMEDOUT' : 'ECONNRESET';
}

/** PostgreSQL has not answered in time: what was asked may be done, or not. */
export function silent(limitMs: number): DatabaseError {
    return new DatabaseError(`PostgreSQL did not answer within ${limitMs} ms.`, 'ETIMEDOUT', 'lost');
}
