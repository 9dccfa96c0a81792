/** Units of time with their length in ms, the longest first. */
export const TIME_UNITS = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
    ['second', 1_000],
] as const;
