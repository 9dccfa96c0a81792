const SPACE = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;

/** Every value that a Cookie header has under a name, in the header's order, decoded as the package cookie does it. */
export function cookieValues(header: string, name: string): string[] {
    return header.split(';').flatMap((pair) => {
        const equals = pair.indexOf('=');
        const isNamed = equals !== -1 && trimmed(pair, 0, equals) === name;
        return isNamed ? [decoded(trimmed(pair, equals + 1, pair.length))] : [];
    });
}

/**
 * Without spaces and tabs, and those only: a cookie whose name begins with another blank, such as U+00A0, has no `__Host-`
 * prefix to browsers, so that any sibling host may set it.
 */
function trimmed(text: string, start: number, end: number): string {
    while (start < end && isBlank(text.charCodeAt(start))) {
        start += 1;
    }
    while (end > start && isBlank(text.charCodeAt(end - 1))) {
        end -= 1;
    }
    return text.slice(start, end);
}

function isBlank(code: number): boolean {
    return code === SPACE || code === TAB;
}

function decoded(text: string): string {
    const last = text.length - 1;
    const isQuoted = last > 0 && text.charCodeAt(0) === QUOTE && text.charCodeAt(last) === QUOTE;
    const value = isQuoted ? text.slice(1, last) : text;
    try {
        return value.includes('%') ? decodeURIComponent(value) : value;
    } catch {
        return value;
    }
}
