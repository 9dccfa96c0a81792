import { WriteStream } from 'node:tty';
import { stripVTControlCharacters, styleText } from 'node:util';

export type Paint = Parameters<typeof styleText>[0];

/** Spaces between the columns of a table. */
const GAP = '  ';

/** Standard output as commands use it: lines, tables and JSON, in colours where a person looks at them. */
export class Terminal {
    /**
     * @param stream Where it prints: standard output or standard error.
     * @param env The variables that say whether in colours.
     */
    public constructor(
        private readonly stream: () => NodeJS.WriteStream = () => process.stdout,
        private readonly env: NodeJS.ProcessEnv = process.env,
    ) {}

    /** Whether a person is looking, rather than a pipe or a file. */
    public get isInteractive(): boolean {
        return this.stream().isTTY === true;
    }

    /** In colours; as it is in a pipe and where NO_COLOR is set (no-color.org). FORCE_COLOR wins over both, as in Node.js. */
    public paint(format: Paint, text: string): string {
        // Node's styleText() asks for standard output by itself in some versions, whatever is painted for.
        return this.hasColours ? styleText(format, text, { validateStream: false }) : text;
    }

    private get hasColours(): boolean {
        const { env } = this;
        return env['FORCE_COLOR'] !== undefined || this.isInteractive
            ? WriteStream.prototype.getColorDepth.call(undefined, env) > 1
            : false;
    }

    public line(text = ''): void {
        this.stream().write(`${text}\n`);
    }

    public json(value: unknown): void {
        this.line(JSON.stringify(value, undefined, 4));
    }

    /** Rows of cells in columns that are as wide as their widest cell. */
    public table(head: readonly string[], rows: readonly (readonly string[])[]): void {
        const widths = head.map((cell, column) =>
            Math.max(...[head, ...rows].map((row) => widthOf(row[column] ?? cell))),
        );
        this.line(this.paint('bold', inColumns(head, widths)));
        for (const row of rows) {
            this.line(inColumns(row, widths));
        }
    }

    /** Names and values beside each other; the values begin in the same column. */
    public pairs(entries: readonly (readonly [name: string, value: string])[]): void {
        const width = Math.max(...entries.map(([name]) => widthOf(name)));
        for (const [name, value] of entries) {
            this.line(inColumns([`  ${name}`, value], [width + 2]));
        }
    }
}

export const terminal = new Terminal();
export const errorTerminal = new Terminal(() => process.stderr);

/** One row, each cell as wide as it is told to be. Nothing stands behind the last. */
export function inColumns(cells: readonly string[], widths: readonly number[]): string {
    return cells
        .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
        .join(GAP)
        .trimEnd();
}

function widthOf(text: string): number {
    return [...stripVTControlCharacters(text)].length;
}
