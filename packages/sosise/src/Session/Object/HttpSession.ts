import type { Request } from 'express';
import session, { Cookie } from 'express-session';
import { LAST_COOKIE_TIME, type StoredCookie } from '../Record/CookieSettings.js';
import { RESERVED_KEYS } from '../Record/SessionRecord.js';
import { ReservedSessionKeyError } from '../Repository/SessionErrors.js';

type Callback = (error?: unknown) => void;

type SessionCookie = Cookie & { toJSON(): unknown; serialize(name: string, value: string): string };

/** What a session object asks of its request. */
export interface SessionOwner {
    readonly id: string;
    readonly request: Request;
    readonly actions: {
        save(session: HttpSession): Promise<void>;
        reload(): Promise<void>;
        destroy(): Promise<void>;
        regenerate(): Promise<void>;
        migrate(): Promise<void>;
        /** Calls a route's callback; what it throws becomes the answer. */
        call(callback: Callback, error?: unknown): void;
    };
}

/**
 * express-session's session object (it passes `instanceof session.Session`), with methods that give a promise when
 * no callback is given, and with `migrate`. Its own enumerable properties are the session's data and `cookie`.
 */
export class HttpSession {
    /** The data: any key, and what it holds is known only when looked at. */
    [key: string]: unknown;
    declare public cookie: SessionCookie;
    readonly #owner: SessionOwner;

    public constructor(owner: SessionOwner) {
        this.#owner = owner;
    }

    public get id(): string {
        return this.#owner.id;
    }

    public get req(): Request {
        return this.#owner.request;
    }

    /** Stores the changes made so far now, instead of when the answer leaves. */
    public save(callback?: Callback): this | Promise<void> {
        return this.#run(this.#owner.actions.save(this), callback);
    }

    /** Reads the session again; unsaved changes of this request are dropped. */
    public reload(callback?: Callback): this | Promise<void> {
        return this.#run(this.#owner.actions.reload(), callback);
    }

    /** Ends the session: its data is gone, its id is refused, its cookie is cleared. */
    public destroy(callback?: Callback): this | Promise<void> {
        return this.#run(this.#owner.actions.destroy(), callback);
    }

    /** Ends the session and begins a new, empty one under a new id. */
    public regenerate(callback?: Callback): this | Promise<void> {
        return this.#run(this.#owner.actions.regenerate(), callback);
    }

    /** Gives the session a new id and keeps its data; the old id ends. */
    public migrate(callback?: Callback): this | Promise<void> {
        return this.#run(this.#owner.actions.migrate(), callback);
    }

    #run(work: Promise<void>, callback: Callback | undefined): this | Promise<void> {
        if (typeof callback !== 'function') {
            work.catch(() => undefined); // nobody may be waiting; the answer says that it failed
            return work;
        }
        work.then(
            () => this.#owner.actions.call(callback),
            (error) => this.#owner.actions.call(callback, error),
        );
        return this;
    }
}

Object.setPrototypeOf(HttpSession.prototype, session.Session.prototype);

// Data under such a name would break the session, or be lost: the assignment itself says so.
for (const key of RESERVED_KEYS) {
    if (key === 'cookie') {
        continue; // an own property, as in express-session; checked when the session is stored
    }
    const inherited = Reflect.getOwnPropertyDescriptor(HttpSession.prototype, key) ?? inheritedMethod(key);
    Object.defineProperty(HttpSession.prototype, key, {
        configurable: true,
        enumerable: false,
        get: inherited?.get ?? (() => inherited?.value),
        set(this: HttpSession, value: unknown) {
            if (typeof value !== 'function' || key === 'id' || key === 'req') {
                throw new ReservedSessionKeyError(key);
            }
            // Libraries wrap methods of a session, such as save; express-session's middleware does it too.
            Object.defineProperty(this, key, { configurable: true, enumerable: false, writable: true, value });
        },
    });
}

function inheritedMethod(key: string): PropertyDescriptor | undefined {
    return Reflect.getOwnPropertyDescriptor(session.Session.prototype, key);
}

const CookieClass = Cookie as unknown as new (options: object) => StoredCookie & Cookie;

/** express-session's cookie of a stored one, as it makes it: `originalMaxAge` is kept, and its date is a Date again. */
export function inflateCookie(stored: StoredCookie): Cookie {
    const { originalMaxAge, expires, ...settings } = stored;
    const cookie = new CookieClass(settings) as Cookie;
    cookie.expires = typeof expires === 'string' ? new Date(Math.min(Date.parse(expires), LAST_COOKIE_TIME)) : null;
    cookie.originalMaxAge = originalMaxAge || null;
    return cookie;
}
