/** The name among `known` that `given` was most likely meant to be, if one is near enough. */
export function nearest(given: string, known: readonly string[]): string | undefined {
    const limit = Math.max(1, Math.ceil(given.length / 3));
    let best: string | undefined;
    let bestDistance = limit + 1;
    for (const name of known) {
        const distance = distanceOf(given.toLowerCase(), name.toLowerCase());
        if (distance < bestDistance) {
            best = name;
            bestDistance = distance;
        }
    }
    return best;
}

/** Whether one slip makes one of the other: a letter too many, missing or wrong, letters swapped, or their case. */
export function isSlipOf(given: string, known: string): boolean {
    const [a, b] = [given.toLowerCase(), known.toLowerCase()];
    return given !== known && (editDistance(a, b) < 2 || [...a].sort().join() === [...b].sort().join());
}

/** A name that was cut short, such as `warn` for `warning`, is nearer than one with a letter wrong. */
function distanceOf(given: string, known: string): number {
    return given.length > 2 && given !== known && known.startsWith(given) ? 0.5 : editDistance(given, known);
}

/** Levenshtein's distance: insertions, deletions and replacements that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
    let row = Array.from({ length: b.length + 1 }, (_, index) => index);
    for (let i = 1; i <= a.length; i += 1) {
        const next = [i];
        for (let j = 1; j <= b.length; j += 1) {
            const replace = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
            next.push(Math.min(replace, (row[j] as number) + 1, (next[j - 1] as number) + 1));
        }
        row = next;
    }
    return row[b.length] as number;
}
