import type { Store } from 'express-session';
import type { SessionDriver } from './SessionDriver.js';

const DRIVER = ['read', 'write', 'remove', 'records', 'lock', 'setAside', 'tidy', 'close'];
const STORE = ['get', 'set', 'destroy'];

/** Whether an object has all methods of a driver. */
export function isDriver(value: unknown): value is SessionDriver {
    return lacked(value, DRIVER).length === 0;
}

/** Whether an object has the methods that express-session needs of a store. */
export function isStore(value: unknown): value is Store {
    return lacked(value, STORE).length === 0;
}

/** Why an object is neither a driver nor a store, with the methods that it lacks. */
export function whyNeither(value: unknown): string {
    const missing = lacked(value, DRIVER);
    return missing.length < DRIVER.length / 2
        ? `is no session driver, as it lacks ${missing.map((name) => `${name}()`).join(', ')}`
        : 'is not an express-session store, with get, set and destroy';
}

function lacked(value: unknown, methods: readonly string[]): string[] {
    return methods.filter(
        (name) => typeof (value as Record<string, unknown> | null | undefined)?.[name] !== 'function',
    );
}
