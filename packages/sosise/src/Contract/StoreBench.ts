import session, { type SessionData, type Store } from 'express-session';
import { isDriver, isStore, whyNeither } from '../Session/Drivers/kindOfStore.js';
import type { SessionDriver } from '../Session/Drivers/SessionDriver.js';
import { bodyOf, liveRecord } from '../Session/Record/recordText.js';
import { PlainStoreAdapter } from '../Session/Stores/Plain/PlainStoreAdapter.js';
import type { MaybePromise } from '../Support/MaybePromise.js';

/** What a factory gives: a store, a driver, or something that is both. */
export type AnyStore = Store | SessionDriver;

/** A store with what the kit may do beside using it. */
export interface StoreHandles {
    store: AnyStore;
    /** A second handle on the same storage, as another process (or this one, restarted) would have it. */
    reopen?: () => MaybePromise<AnyStore>;
    /** Ends what the store holds open, and removes its storage. Drivers are closed before. */
    close?: () => MaybePromise<unknown>;
}

/** Gives a fresh, empty store; called once for each promise. */
export type StoreFactory = () => MaybePromise<AnyStore | StoreHandles>;

/** The express-session face of a store, with promises in place of callbacks. */
export class StoreFace {
    public constructor(private readonly store: Store) {}

    /** Undefined where there is none; as express-session does, ENOENT is taken for that. */
    public async get(id: string): Promise<Record<string, unknown> | undefined> {
        try {
            const found = await call<SessionData | null | undefined>((done) => this.store.get(id, done));
            return (found ?? undefined) as Record<string, unknown> | undefined;
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
                return undefined;
            }
            throw error;
        }
    }

    public set(id: string, data: SessionData): Promise<void> {
        return call((done) => this.store.set(id, data, done));
    }

    public destroy(id: string): Promise<void> {
        return call((done) => this.store.destroy(id, done));
    }

    public touch(id: string, data: SessionData): Promise<void> {
        const { store } = this;
        if (typeof store.touch !== 'function') {
            throw new Error('it has no touch()');
        }
        return call((done) => store.touch?.(id, data, done));
    }

    /** The sessions that `all()` gives: an array, or an object by id. */
    public async all(): Promise<Record<string, unknown>[]> {
        const { store } = this;
        if (typeof store.all !== 'function') {
            throw new Error('it has no all()');
        }
        const found = await call<unknown>((done) => store.all?.(done as never));
        return Object.values((found ?? {}) as Record<string, Record<string, unknown>>);
    }
}

/** One empty store, seen from both sides. */
export class StoreBench {
    private constructor(
        private readonly handles: StoreHandles,
        /** The express-session face; undefined for a driver that is no express-session store. */
        public readonly face: StoreFace | undefined,
        /** The driver's face: its own, or that of the adapter. */
        public readonly driver: SessionDriver,
        /** False where `driver` is the adapter around a plain store. */
        public readonly isDriver: boolean,
        private readonly opened: SessionDriver[],
    ) {}

    public static async open(factory: StoreFactory): Promise<StoreBench> {
        const made = await factory();
        // A store may have a property of this name.
        const handles = !isStore(made) && !isDriver(made) && 'store' in made ? made : { store: made as AnyStore };
        const driver = driverOf(handles.store);
        const face = isStore(handles.store) ? new StoreFace(handles.store) : undefined;
        return new StoreBench(handles, face, driver, driver === (handles.store as unknown), [driver]);
    }

    public get canReopen(): boolean {
        return this.handles.reopen !== undefined;
    }

    /** A second handle on the same storage. */
    public async reopen(): Promise<{ face: StoreFace | undefined; driver: SessionDriver }> {
        const store = (await this.handles.reopen?.()) as AnyStore;
        const driver = driverOf(store);
        this.opened.push(driver);
        return { face: isStore(store) ? new StoreFace(store) : undefined, driver };
    }

    public async close(): Promise<void> {
        for (const driver of this.opened) {
            await driver.close();
        }
        await this.handles.close?.();
    }
}

/** A session as express-session hands it to a store. */
export function sessionWith(data: Record<string, unknown>, maxAge = 60_000): SessionData {
    const Cookie = session.Cookie as unknown as new (options: object) => session.Cookie;
    return { cookie: new Cookie({ maxAge, path: '/', httpOnly: true }), ...data } as unknown as SessionData;
}

/** A record as the session layer hands it to a driver. */
export function recordWith(data: Record<string, unknown>): string {
    const now = Date.now();
    const entries = Object.entries(data).map(([key, value]) => [key, JSON.stringify(value)] as const);
    return liveRecord(
        { seen: now, created: now, login: undefined },
        { originalMaxAge: 60_000, path: '/' },
        bodyOf(entries),
    );
}

/** The session's keys in a record. */
export function dataOf(record: string | undefined): Record<string, unknown> {
    return JSON.parse(record ?? '{}') as Record<string, unknown>;
}

/** A time at which no driver may have dropped a record yet. */
export const later = () => Date.now() + 60_000;

function driverOf(store: AnyStore): SessionDriver {
    if (!isDriver(store) && !isStore(store)) {
        throw new TypeError(`What the factory returned ${whyNeither(store)}.`);
    }
    return isDriver(store) ? store : new PlainStoreAdapter(store);
}

function call<T>(start: (done: (error?: unknown, value?: T) => void) => unknown): Promise<T> {
    return new Promise((resolve, reject) => {
        const returned = start((error, value) => (error ? reject(error) : resolve(value as T)));
        // Some stores are async functions too: what they reject with must not end the process.
        (returned as Promise<unknown> | undefined)?.then?.(undefined, reject);
    });
}
