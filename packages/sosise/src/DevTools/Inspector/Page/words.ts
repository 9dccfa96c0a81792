/** A time in the unit that suits it: `0.42 ms`, `1.3 s`. */
export function msOf(ms: number): string {
    if (ms >= 1_000) {
        return `${(ms / 1_000).toFixed(1)} s`;
    }
    return `${ms >= 10 ? Math.round(ms) : ms.toFixed(2)} ms`;
}

/** `14:03:12` */
export function clockOf(time: number): string {
    return new Date(time).toTimeString().slice(0, 8);
}
