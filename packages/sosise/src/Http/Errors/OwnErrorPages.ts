import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Response } from 'express';
import { inTime } from '../../Support/Deadlines.js';

/** What a template for an error knows, besides `app.locals` and `response.locals`. */
export interface ErrorData {
    readonly status: number;
    /** Such as `Not Found`. */
    readonly title: string;
    /** What the visitor may read. */
    readonly message: string;
    /** What was wrong with a form: the messages by field. */
    readonly details: Readonly<Record<string, readonly string[]>>;
    readonly requestId: string;
}

export interface OwnErrorPagesOptions {
    readonly folder: string;
    /** Whether files come and go, so that they are looked for each time. */
    readonly changes: boolean;
    /** Whether the engine of the views makes pages of files that end in .html. */
    readonly htmlIsTemplate: boolean;
}

/** A template that waits for something must not keep the answer from its visitor. */
const LONGEST_MS = 2_000;

/** The error pages of the application: `404.html` is sent as it is, `404.ejs` is made by the engine of the views. */
export class OwnErrorPages {
    private readonly known: readonly string[] | undefined;

    public constructor(private readonly options: OwnErrorPagesOptions) {
        this.known = options.changes ? undefined : filesIn(options.folder);
    }

    /** The file for a status: one of its number, or of its hundred (`5xx`). Undefined where there is none. */
    public fileFor(status: number): string | undefined {
        const files = this.known ?? filesIn(this.options.folder);
        const names = [String(status), `${String(status)[0]}xx`];
        return names.flatMap((name) => files.filter((file) => /^(.+)\.[\w-]+$/.exec(file)?.[1] === name))[0];
    }

    /** The text of a page. Rejects where it can't be made. */
    public text(file: string, data: ErrorData, response: Response): Promise<string> {
        const { folder, htmlIsTemplate } = this.options;
        const isTemplate = htmlIsTemplate || !file.endsWith('.html');
        const text = isTemplate ? render(file, data, response) : readFile(join(folder, file), 'utf8');
        return inTime(text, LONGEST_MS, () => new Error(`It was not made within ${LONGEST_MS} ms.`));
    }
}

function render(file: string, data: ErrorData, response: Response): Promise<string> {
    return new Promise((resolve, reject) => {
        response.render(`errors/${file}`, data, (error: unknown, text?: string) =>
            error ? reject(error) : resolve(text ?? ''),
        );
    });
}

function filesIn(folder: string): readonly string[] {
    try {
        return readdirSync(folder).sort();
    } catch {
        return []; // there are none
    }
}
