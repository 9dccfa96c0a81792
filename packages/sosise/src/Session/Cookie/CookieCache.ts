import { TwoGenerationCache } from '../../Support/TwoGenerationCache.js';

/** A session's id as its cookie carries it, and the name that it is stored under. */
export interface CookieId {
    readonly id: string;
    readonly key: string;
    /** The id with the signature that is given out now; undefined where the cookie has one by an older secret. */
    readonly signed: string | undefined;
    /** The cookie has the name of an earlier config: the next answer gives the browser one with today's. */
    readonly isRenamed?: true;
}

/** Longer texts are not remembered. */
const LONGEST = 512;

/**
 * Remembers cookies whose signature was right, so that a visitor's next request need not compute it again, nor the hash of
 * the id: 6 of 75 µs on Node 20. Holds the last few thousand, and nothing that did not verify. One is for values and one
 * for whole headers (which saves parsing them): a header that reads like a value is none.
 */
export class CookieCache<Found> {
    private readonly known: TwoGenerationCache<Found>;

    public constructor(most = 2_000) {
        this.known = new TwoGenerationCache(most);
    }

    /** What is known of a text that has verified before. */
    public find(text: string): Found | undefined {
        return this.known.find(text);
    }

    public remember(text: string, found: Found): void {
        if (text.length <= LONGEST) {
            this.known.remember(text, found);
        }
    }
}
