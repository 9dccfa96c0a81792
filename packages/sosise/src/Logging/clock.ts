let second = Number.NaN;
let utc = '';

/** A time as log lines have it: ISO 8601, UTC. What changes once a second is made once a second: 0.06 in place of 0.8 µs a line on Node.js 24 and 26. */
export function timestampOf(ms: number): string {
    const part = ms % 1_000;
    if (ms - part !== second) {
        second = ms - part;
        utc = new Date(second).toISOString().slice(0, 20);
    }
    return `${utc}${String(part).padStart(3, '0')}Z`;
}

/** The local time of day of a timestamp, in ms. */
export function clock(timestamp: string): string {
    const date = new Date(timestamp);
    const two = (part: number) => String(part).padStart(2, '0');
    return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}${timestamp.slice(19, 23)}`;
}
