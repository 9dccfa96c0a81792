import { join } from 'node:path';
import { Writable } from 'node:stream';
import { type LogEntry, lineOf } from './formats.js';
import { RotatingFile, type RotatingFileOptions } from './RotatingFile.js';

/** Where lines go that belong to no channel with a file of its own. */
export const defaultFile = 'app.log';

export interface LogFilesOptions extends RotatingFileOptions {
    folder: string;
    /** File names by channel, for the channels that have their own. */
    fileOf: ReadonlyMap<string, string>;
}

/** The stream behind winston's one file transport: leads every line to the file of its channel. */
export class LogFiles extends Writable {
    private readonly files = new Map<string, RotatingFile>();

    public constructor(private readonly options: LogFilesOptions) {
        super({ objectMode: true });
    }

    public override _write(entry: LogEntry & { [lineOf]: string }, _encoding: unknown, done: () => void): void {
        this.append(entry.channel, entry[lineOf]);
        done();
    }

    public append(channel: string | undefined, text: string, lines = 1): void {
        this.file((channel !== undefined && this.options.fileOf.get(channel)) || defaultFile).append(text, lines);
    }

    public override _final(done: () => void): void {
        Promise.all([...this.files.values()].map((file) => file.close())).then(() => done(), done);
    }

    private file(name: string): RotatingFile {
        let file = this.files.get(name);
        if (!file) {
            file = new RotatingFile(join(this.options.folder, name), this.options);
            this.files.set(name, file);
        }
        return file;
    }
}
