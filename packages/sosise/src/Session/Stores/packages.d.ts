declare module 'session-file-store' {
    import session from 'express-session';

    /** The part of the package that the file driver builds on. */
    interface StockFileStore extends session.Store {
        options: StockFileStoreOptions;
        list(callback: (error: unknown, files?: string[]) => void): void;
        expired(sid: string, callback: (error: unknown, isExpired?: boolean) => void): void;
        length(callback: (error: unknown, length?: number) => void): void;
        clear(callback?: (error?: unknown) => void): void;
        touch(sid: string, session: session.SessionData, callback?: (error?: unknown) => void): void;
    }

    interface StockFileStoreOptions {
        path: string;
        ttl: number;
        encoding: BufferEncoding | null;
        encoder: (session: object) => string | Buffer;
        decoder: (text: never) => unknown;
        fileExtension: string;
        secret?: string;
        kruptein?: Kruptein;
        fallbackSessionFn?: (sid: string) => session.SessionData;
    }

    /** Encryption as session-file-store uses it: synchronous, though it calls back; some failures are thrown. */
    interface Kruptein {
        set(secret: string, plain: string | Buffer, callback: (error: unknown, sealed?: string) => void): void;
        get(secret: string, sealed: string, callback: (error: unknown, plain?: string) => void): void;
    }

    function sessionFileStore(express: typeof session): new (options: object) => StockFileStore;

    namespace sessionFileStore {
        export { Kruptein, StockFileStore, StockFileStoreOptions };
    }

    export = sessionFileStore;
}
