let second = Number.NaN;
let utc = '';

/** A time as log lines have it: ISO 8601, UTC. What changes once a second is made once a second. */
export function timestampOf(ms: number): string {
    const part = ms % 1_000;
    if (ms - part !== second) {
        second = ms - part;
        utc = new Date(second).toISOString().slice(0, 20);
    }
    return `${utc}${String(part).padStart(3, '0')}Z`;
}

let secondOf = '';
let local = '';

/** The local time of day of a timestamp, in ms. */
export function clock(timestamp: string): string {
    const whole = timestamp.slice(0, 19);
    if (whole !== secondOf) {
        const date = new Date(timestamp);
        const two = (part: number) => String(part).padStart(2, '0');
        secondOf = whole;
        local = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
    }
    return local + timestamp.slice(19, 23);
}
