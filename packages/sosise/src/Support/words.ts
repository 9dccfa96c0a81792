/** Units of time with their length in ms, the longest first. */
const TIME_UNITS = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
    ['second', 1_000],
] as const;
const MS = ['ms', 1] as const;
const SIZES = [
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
] as const;

/** A number that can be read: `2,000`. */
export function grouped(count: number): string {
    return count.toLocaleString('en-US');
}

/** A number of things: `1 file`, `2,000 files`. */
export function counted(count: number, one: string, many = `${one}s`): string {
    return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** A time in ms, exactly: in the largest unit that it is a whole number of, as `90 minutes`. */
export function durationOf(ms: number): string {
    const [unit, length] = TIME_UNITS.find(([, length]) => ms >= length && ms % length === 0) ?? MS;
    return inUnits(ms / length, unit);
}

/** A time in ms as one says it: `1.5 hours`. */
export function timeInWords(ms: number): string {
    const [unit, length] = TIME_UNITS.find(([, least]) => ms >= least) ?? MS;
    return inUnits(Number((ms / length).toFixed(1)), unit);
}

function inUnits(count: number, unit: string): string {
    return unit === 'ms' ? `${count} ms` : counted(count, unit);
}

/** `812 B`, `1.2 kB`, `3.4 MB`. */
export function sizeOf(bytes: number): string {
    const [unit, size] = SIZES.find(([, least]) => bytes >= least) ?? [];
    return size === undefined ? `${bytes} B` : `${(bytes / size).toFixed(1)} ${unit}`;
}

/** A name as a heading: `my-shop` is `My Shop`. */
export function titleOf(name: string): string {
    return name
        .split(/[._-]+/)
        .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
        .join(' ');
}
