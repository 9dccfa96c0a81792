const ANY_ORIGIN = 'http://own.invalid';

/** A path of this application, as browsers understand it; undefined where a text could lead them elsewhere. */
export function ownPath(text: string): string | undefined {
    if (!text.startsWith('/') || !URL.canParse(text, ANY_ORIGIN)) {
        return undefined;
    }
    const { origin, pathname, search, hash } = new URL(text, ANY_ORIGIN);
    // Two slashes begin a host; browsers take backslashes for slashes, and leave tabs out.
    return origin === ANY_ORIGIN && !pathname.startsWith('//') ? pathname + search + hash : undefined;
}

/** Throws where a page to go back to is none of this application's. */
export function checkBack(back: string | undefined): void {
    if (back !== undefined && ownPath(back) === undefined) {
        throw new TypeError('back has to be a path of this application, such as /profile/edit.');
    }
}
