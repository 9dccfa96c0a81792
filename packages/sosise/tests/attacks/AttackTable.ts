interface Row {
    tried: number;
    /** What got through. */
    readonly accepted: string[];
}

/** Counts attacks by kind, and what of them got through. */
export class AttackTable {
    private readonly rows = new Map<string, Row>();

    public record(kind: string, isAccepted: boolean, what: string): void {
        const row = this.rows.get(kind) ?? { tried: 0, accepted: [] };
        this.rows.set(kind, row);
        row.tried += 1;
        if (isAccepted) {
            row.accepted.push(what);
        }
    }

    public accepted(): string[] {
        return [...this.rows].flatMap(([kind, { accepted }]) => accepted.map((what) => `${kind}: ${what}`));
    }

    public toString(): string {
        const lines = [...this.rows].map(([kind, { tried, accepted }]) => [
            kind,
            String(tried),
            String(accepted.length),
        ]);
        const all = [...this.rows.values()];
        const sum = (count: (row: Row) => number) => String(all.reduce((total, row) => total + count(row), 0));
        lines.push(['all', sum(({ tried }) => tried), sum(({ accepted }) => accepted.length)]);
        return [['attack', 'tried', 'accepted'], ...lines]
            .map(
                ([kind = '', tried = '', accepted = '']) =>
                    `${kind.padEnd(28)}${tried.padStart(8)}${accepted.padStart(10)}\n`,
            )
            .join('');
    }
}
