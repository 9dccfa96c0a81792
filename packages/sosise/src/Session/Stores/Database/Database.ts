import type { MaybePromise } from '../../../Support/MaybePromise.js';

export type Row = Readonly<Record<string, unknown>>;
export type Value = string | number;
/** A list is PostgreSQL's array: of texts, or of integers. */
export type Values = readonly (Value | readonly Value[])[];
/** Of PostgreSQL: asked for at the moment of sending. Undefined: nobody waits any more, and nothing is sent. */
export type LateValues = () => Values | undefined;

/** PostgreSQL or SQLite. Each call is one statement, and one round trip. Rejects, or throws, with DatabaseError, and in time. */
export interface Database {
    readonly dialect: 'postgres' | 'sqlite';
    /** Where it is, for messages: never a name or a password. */
    readonly address: string;
    /** How long a call may take, in ms. */
    readonly commandTimeoutMs: number;
    /** The rows that a statement gives. @param isRead It changes nothing: it may be sent again where the connection broke under it. */
    rows(sql: string, values: Values | LateValues, isRead?: boolean): MaybePromise<readonly Row[]>;
    /** How many rows a statement changed. */
    change(sql: string, values: Values | LateValues): MaybePromise<number>;
    /** Runs several statements, all or none. */
    script(sql: string): MaybePromise<void>;
    close(): MaybePromise<void>;
}
