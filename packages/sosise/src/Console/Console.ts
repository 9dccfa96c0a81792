import type { Manifest } from '../Config/Environment.js';
import type { ConfigOverrides } from '../ConfigOverrides.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';

/** What commands read of `src/config/session.ts`. Times are in ms. */
export interface ConsoleSessionConfig {
    secret?: unknown;
    absolute?: number | null;
    idle?: number;
    cookie?: { maxAge?: number | null };
}

/** A command as the list shows it. */
export interface ListedCommand {
    readonly name: string;
    /** One line; empty where it can't be loaded. */
    readonly description: string;
    /** Why it can't be loaded, in one line. */
    readonly problem?: string;
}

/** The console as commands see it; Artisan is it. */
export interface Console {
    /** The application's folder. */
    readonly root: string;
    /** The file that was started, from the root: `src/artisan.ts`, or `build/artisan.js`. */
    readonly entry: string;
    /** The folder that the console was started from: src, or build. */
    readonly entryFolder: string;
    /** Whether it is what the compiler made. */
    readonly isBuilt: boolean;
    /** The validated sosise.json. */
    readonly manifest: Manifest;
    /** The names of the framework's own commands. */
    readonly frameworkCommands: readonly string[];
    /** Aborts at Ctrl-C or SIGTERM, from the first time on that it is asked for. */
    readonly signal: AbortSignal;
    /** Whether nobody reads the output any more: what was to be shown is no loss. */
    readonly isUnread: boolean;
    /** What src/config/session.ts says, unchecked. It reads variables, so `.env` is loaded before it. */
    sessionConfig(): Promise<ConsoleSessionConfig>;
    /** The application with its config read and checked, not booted. Its log goes to its files alone. */
    application(overrides?: ConfigOverrides): Promise<ApplicationKernel>;
    /** The application, booted. It is taken down when the command has ended; without overrides, there is one for all. */
    booted(overrides?: ConfigOverrides): Promise<ApplicationKernel>;
    /** The application with its providers booted, but not ready: no session store is opened. It is taken down, too. */
    wired(overrides?: ConfigOverrides): Promise<ApplicationKernel>;
    /** All commands as the list shows them, those too that can't be loaded, and what is wrong with the user's list. */
    listed(): Promise<{ commands: ListedCommand[]; problem?: string }>;
}
