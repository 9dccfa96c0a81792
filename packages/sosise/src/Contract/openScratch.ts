import type { Scratch, ScratchOptions } from './Scratch.js';

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
