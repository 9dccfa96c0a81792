/** The lookbehind keeps long rows of blanks linear. */
const BLANKS = /^[ \t]+|(?<![ \t])[ \t]+$/g;
const QUOTE = 0x22;

/** Every value that a Cookie header has under a name, in the header's order, decoded as the package cookie does it. */
export function cookieValues(header: string, name: string): string[] {
    return header.split(';').flatMap((pair) => {
        const equals = pair.indexOf('=');
        const isNamed = equals !== -1 && trimmed(pair.slice(0, equals)) === name;
        return isNamed ? [decoded(trimmed(pair.slice(equals + 1)))] : [];
    });
}

/**
 * Without spaces and tabs, and those only: a cookie whose name begins with another blank, such as U+00A0, has no `__Host-`
 * prefix to browsers, so that any sibling host may set it.
 */
function trimmed(text: string): string {
    return text.replace(BLANKS, '');
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
