/** Numbers that a seed decides, so that what a round asks for can be asked for again (mulberry32). */
export class Random {
    private state: number;

    public constructor(seed: number | string) {
        this.state = typeof seed === 'number' ? seed >>> 0 : hash(seed);
    }

    /** From 0 to below 1. */
    public next(): number {
        this.state = (this.state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    }

    /** A whole number from `least` to `most`. */
    public between(least: number, most: number): number {
        return least + Math.floor(this.next() * (most - least + 1));
    }

    public chance(probability: number): boolean {
        return this.next() < probability;
    }

    public pick<T>(choices: readonly T[]): T {
        return choices[this.between(0, choices.length - 1)] as T;
    }

    /** One of several by their weights. */
    public weighted<T extends string>(weights: Readonly<Record<T, number>>): T {
        const entries = Object.entries(weights) as [T, number][];
        let rest = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
        for (const [choice, weight] of entries) {
            rest -= weight;
            if (rest < 0) {
                return choice;
            }
        }
        return (entries[0] as [T, number])[0];
    }
}

function hash(text: string): number {
    let state = 2_166_136_261;
    for (const character of text) {
        state = Math.imul(state ^ (character.codePointAt(0) as number), 16_777_619);
    }
    return state >>> 0;
}
