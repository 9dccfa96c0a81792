import { inspect } from 'node:util';
import type { HttpSession } from '../../Session/Object/HttpSession.js';

/**
 * Tells which of its stored keys a route reads, by accessors on the session object. A Proxy in its place would also see
 * reads of keys that are not there, but would be another object than the one that express-session's methods work on
 * (their private state is not found through it), and structuredClone() refuses it. So the object stays the same one, with
 * the same keys in the same order, and only who asks for a property's descriptor could tell.
 */
export function watchReads(session: HttpSession, read: (key: string) => void): void {
    for (const key of Object.keys(session)) {
        if (key !== 'cookie') {
            Object.defineProperty(
                session,
                key,
                accessor(session[key], () => read(key)),
            );
        }
    }
    // What console.log() shows: values, as ever, and not [Getter/Setter].
    Object.defineProperty(session, inspect.custom, { configurable: true, enumerable: false, value: plain });
}

/** What the route has put there itself is no read of what is stored. */
function accessor(stored: unknown, read: () => void): PropertyDescriptor {
    let value = stored;
    let isStored = true;
    return {
        configurable: true,
        enumerable: true,
        get() {
            if (isStored) {
                read();
            }
            return value;
        },
        set(next: unknown) {
            value = next;
            isStored = false;
        },
    };
}

function plain(this: HttpSession): object {
    const shown = Object.create(Object.getPrototypeOf(this));
    for (const key of Object.keys(this)) {
        Object.defineProperty(shown, key, { enumerable: true, value: this[key] });
    }
    return shown;
}
