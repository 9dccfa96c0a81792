const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span of time as a person says it, such as `3 min` or `2 days`. */
export function spanOf(ms: number): string {
    const seconds = Math.max(0, Math.round(ms / 1_000));
    if (seconds < 2 * MINUTE) {
        return `${seconds} s`;
    }
    if (seconds < 2 * HOUR) {
        return `${Math.floor(seconds / MINUTE)} min`;
    }
    return seconds < 2 * DAY ? `${Math.floor(seconds / HOUR)} h` : `${Math.floor(seconds / DAY)} days`;
}

/** Text that somebody else chose, such as a user's id: what a terminal would take for a command is written out. */
export function printable(text: string): string {
    return text.replace(
        /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
        (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`,
    );
}

/** The same, cut to a width. */
export function shortened(text: string, width: number): string {
    const characters = [...printable(text)];
    return characters.length > width ? `${characters.slice(0, width - 1).join('')}…` : characters.join('');
}
