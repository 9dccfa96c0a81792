/** Where the application lives and how it runs. */
export interface Environment {
    /** The absolute folder that holds sosise.json. */
    readonly root: string;
    /** `production`, `development`, `test`, or whatever NODE_ENV or APP_ENV says. */
    readonly name: string;
    /** What gave it its name: `NODE_ENV`, `APP_ENV in .env`; undefined where nothing did, and it is the default. */
    readonly namedBy?: string | undefined;
    readonly isProduction: boolean;
    readonly isDevelopment: boolean;
    /** The validated sosise.json, with absolute paths. */
    readonly manifest: Manifest;
    /** Sentences for the banner, such as that `.env` was made. */
    readonly notices: readonly string[];
    /** Variables of `.env` whose values were cut at a `#`. */
    readonly cutVariables?: readonly string[];
}

/** A validated sosise.json. */
export interface Manifest {
    /** The file's absolute path; the folder it is in is the application's root. */
    readonly file: string;
    /** The version of the file's format. */
    readonly version: number;
    /** What the application is called. */
    readonly name: string;
    /** Absolute folders: runtime data, and where generators write. They need not exist. */
    readonly paths: Readonly<Record<PathName, string>>;
}

/** The folders that sosise.json may name. */
export type PathName =
    | 'storage'
    | 'logs'
    | 'sessions'
    | 'public'
    | 'controllers'
    | 'middlewares'
    | 'providers'
    | 'exceptions'
    | 'services'
    | 'commands'
    | 'sessionDrivers';
