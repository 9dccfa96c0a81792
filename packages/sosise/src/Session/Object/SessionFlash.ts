import type { Request, Response } from 'express';
import { randomId } from '../../Support/randomId.js';
import type { SessionChange } from '../Record/SessionChange.js';
import { FLASH } from '../Record/SessionRecord.js';
import type { HttpSession } from './HttpSession.js';

const MARK_LENGTH = 8;

/**
 * The flashed values of one request's session. Each is stored under a key of its own, `~flash:<key>:<mark>`, and no key is
 * used twice: so parallel requests lose nothing that another flashes, and bring nothing back that a page has taken.
 */
export class SessionFlash {
    /** The keys that this request has made: they are for the next page. */
    private readonly fresh = new Set<string>();
    /** What the page has taken: a stream still reads it after its headers have left. */
    private readonly taken = new Map<string, unknown>();

    /** Puts a value by; one that waits under the same key gives way. */
    public put(session: HttpSession, key: string, value: unknown): void {
        for (const name of namesIn(session)) {
            if (keyIn(name) === key) {
                delete session[name];
            }
        }
        const name = `${FLASH}${key}:${randomId().slice(0, MARK_LENGTH)}`;
        session[name] = value;
        this.fresh.add(name);
    }

    /** The newest value under a key. */
    public get(session: HttpSession, key: string): unknown {
        const name = namesIn(session).findLast((one) => keyIn(one) === key);
        return name === undefined ? this.taken.get(key) : session[name];
    }

    /** Deletes what was there before this request. */
    public age(session: HttpSession): void {
        for (const name of namesIn(session)) {
            if (!this.fresh.has(name)) {
                this.taken.set(keyIn(name), session[name]);
                delete session[name];
            }
        }
    }
}

/** Whether a change says nothing but that a page has shown what was flashed: nobody misses it where it is lost. */
export function onlyTakesFlash({ set, added, removed, cookie }: SessionChange): boolean {
    return set.size === 0 && added.size === 0 && !cookie && [...removed].every((name) => name.startsWith(FLASH));
}

/**
 * Whether a visitor gets to see a page with this answer. A redirect leads to it yet, a download or an empty answer leaves
 * the page that is there, and a server error may have come before the page had shown anything.
 */
export function showsPage(status: number, request: Request, response: Response): boolean {
    const isRedirect = status >= 300 && status < 400 && status !== 304;
    if (isRedirect || status >= 500 || status === 204 || status === 205 || request.method === 'HEAD') {
        return false;
    }
    return !/^\s*attachment/i.test(String(response.getHeader('Content-Disposition') ?? ''));
}

function namesIn(session: Readonly<Record<string, unknown>>): string[] {
    return Object.keys(session).filter((name) => name.startsWith(FLASH));
}

function keyIn(name: string): string {
    return name.slice(FLASH.length, name.lastIndexOf(':'));
}
