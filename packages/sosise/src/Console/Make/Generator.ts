import { existsSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { writeNew } from '../../Support/Files/writeNew.js';
import { Command, type CommandOption } from '../Command.js';
import { CommandError } from '../CommandError.js';
import { filledStub } from '../filledStub.js';

/** Lines to paste, and where they go. */
export interface NextStep {
    /** Behind "Paste": `into src/routes/api.ts`. */
    readonly where: string;
    readonly lines: readonly string[];
}

/** Texts by the names of placeholders. */
export type Values = Readonly<Record<string, string>>;

export const FORCE: CommandOption = { flag: '--force', description: 'replace the file that is there' };

/** Beside this file in the sources, and beside its bundle in the packed framework. */
const folder = new URL('./stubs/', import.meta.url);

/** What writes code for the user: files from stubs, and lines to paste. */
export abstract class Generator extends Command {
    protected refuseBuilt(): void {
        if (this.artisan.isBuilt) {
            throw new CommandError(
                'Generators write TypeScript, which the built application does not read: run them in development, where all packages are installed and NODE_ENV is not production.',
            );
        }
    }

    /** A stub file with its `{{ placeholders }}` filled in. */
    protected stubOf(name: string, values: Values): string {
        return filledStub(new URL(`${name}.stub`, folder), values);
    }

    /** Writes a file in one step; an error says in one sentence why it could not be written. */
    protected write(file: string, content: string, mayReplace = false): void {
        try {
            writeNew(file, content, mayReplace);
        } catch (error) {
            const { code, message } = error as NodeJS.ErrnoException;
            throw new CommandError(
                code === 'EEXIST' && existsSync(file)
                    ? `${this.shown(file)} is there already: choose another name, or replace it with --force.`
                    : `${this.shown(file)} can't be written (${code ?? message}): its folder has to be one that this user may write into.`,
                { cause: error },
            );
        }
    }

    protected sayWhatToPaste(steps: readonly NextStep[]): void {
        for (const { where, lines } of steps) {
            this.line(`\n${this.terminal.paint('yellow', `Paste ${where}:`)}\n\n${lines.join('\n')}`);
        }
    }

    /** The absolute path of a file, from its path in the source folder. */
    protected source(...path: readonly string[]): string {
        return join(this.artisan.entryFolder, ...path);
    }

    /** A path as it is shown: from the application's folder, with slashes. */
    protected shown(file: string): string {
        return relative(this.artisan.root, file).split(sep).join('/');
    }
}
