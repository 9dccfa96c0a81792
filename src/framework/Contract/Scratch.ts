import type { SessionManager } from '../Session/Opening/SessionManager.js';
import type { StoreFactory } from './StoreBench.js';

/** A place of its own in a driver's storage, in which live sessions are not touched. */
export interface Scratch {
    /** Where it is, for a person: `in a folder of its own inside storage/sessions`. */
    readonly where: string;
    /** Gives a store, empty as far as it can see, for one promise. */
    readonly open: StoreFactory;
    /** Ends what is open, and removes all that is left. */
    close(): Promise<void>;
}

export interface ScratchOptions {
    readonly manager: SessionManager;
    /** The driver's name, and its options as they are configured. */
    readonly name: string;
    readonly options: Readonly<Record<string, unknown>>;
}

/** A scratch in the storage of any driver. Throws ConfigError where its storage can't be used. */
export async function openScratch(where: ScratchOptions): Promise<Scratch> {
    switch (where.manager.isBuiltIn(where.name) ? where.name : 'other') {
        case 'file':
            return (await import('./fileScratch.js')).fileScratch(where);
        case 'redis':
            return (await import('./redisScratch.js')).redisScratch(where);
        case 'memory':
            return memoryScratch(where);
        default:
            return (await import('./sharedScratch.js')).sharedScratch(where);
    }
}

function memoryScratch({ manager, name, options }: ScratchOptions): Scratch {
    return {
        where: 'in the memory of this process, so it says nothing of the sessions in a server that runs',
        open: async () => ({ store: await manager.create(name, { ...options }) }),
        close: async () => undefined,
    };
}
