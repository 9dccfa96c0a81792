import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApplicationKernel } from '../../Kernel/ApplicationKernel.js';
import { defaultFile } from '../../Logging/LogFiles.js';
import { auditChannel, type LoggingConfig, loggingConfig } from '../../Logging/LoggingConfig.js';
import { loggerOptions } from '../../Logging/LoggingServiceProvider.js';
import type { AuditContext } from './auditEntry.js';

/** A line of the audit channel. */
export interface AuditEntry extends AuditContext {
    /** In ms since the epoch. */
    readonly at: number;
}

export interface AuditTrailOptions {
    /** Where the log files are. */
    readonly folder: string;
    /** The file that the channel is written to, such as `audit.log`. */
    readonly file: string;
    /** How many of them are kept by rotation. */
    readonly maxFiles: number;
}

/** Where the audit channel's lines can be read. */
export interface AuditSource {
    /** Whether the channel is on. */
    readonly isOn: boolean;
    /** Undefined where it is not written to files. */
    readonly trail: AuditTrail | undefined;
}

/** What `src/config/logging.ts` says of the channel. */
export function auditSourceOf(app: ApplicationKernel): AuditSource {
    const config = app.config.find<LoggingConfig>(loggingConfig.file);
    const channel = config?.channels[auditChannel];
    const files = config && loggerOptions(config, app.environment).files;
    const file = channel?.file ?? defaultFile;
    return { isOn: channel !== undefined, trail: channel && files && new AuditTrail({ ...files, file }) };
}

/** A look into the past ends after so many bytes. */
const MOST_BYTES = 128 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const LINE_END = 10;
const MARK = `"channel":"${auditChannel}"`;

/** What this host's log files hold of the audit channel, the newest first: read from their ends, without those that were rotated away. */
export class AuditTrail {
    private oldest: number | undefined;

    public constructor(private readonly options: AuditTrailOptions) {}

    /** The time of the oldest line that was read, in ms since the epoch: from then on everything is known. */
    public get since(): number | undefined {
        return this.oldest;
    }

    /** @param isWanted Looks at a line before it is parsed. */
    public async *entries(isWanted: (line: string) => boolean): AsyncGenerator<AuditEntry> {
        let left = MOST_BYTES;
        for (let index = 0; index < this.options.maxFiles && left > 0; index += 1) {
            const file = await openFile(this.pathOf(index));
            if (!file) {
                continue;
            }
            try {
                for await (const line of linesFromEnd(file, left)) {
                    left -= Buffer.byteLength(line) + 1;
                    yield* this.entriesIn(line, isWanted);
                }
            } finally {
                await file.close();
            }
        }
    }

    private *entriesIn(line: string, isWanted: (line: string) => boolean): Generator<AuditEntry> {
        const time = /^\{"timestamp":"([^"]+)"/.exec(line)?.[1];
        this.oldest = time === undefined ? this.oldest : Date.parse(time);
        const entry = line.includes(MARK) && isWanted(line) ? entryOf(line) : undefined;
        if (entry) {
            const { fingerprints } = entry; // of a line of the application's own, it may be anything
            yield* Array.isArray(fingerprints)
                ? fingerprints.map((fingerprint) => ({ ...entry, fingerprint }))
                : [entry];
        }
    }

    /** As RotatingFile names them. */
    private pathOf(index: number): string {
        const { folder, file } = this.options;
        return join(folder, index === 0 ? file : file.replace(/\.log$/, `.${index}.log`));
    }
}

/** A line that was cut off, or is somebody else's, is none. */
function entryOf(line: string): AuditEntry | undefined {
    try {
        const { timestamp, channel, context } = JSON.parse(line) as {
            timestamp: string;
            channel?: string;
            context?: AuditContext;
        };
        return channel === auditChannel && typeof context?.event === 'string'
            ? { ...context, at: Date.parse(timestamp) }
            : undefined;
    } catch {
        return undefined;
    }
}

async function openFile(path: string): Promise<FileHandle | undefined> {
    try {
        return await open(path);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
            return undefined;
        }
        throw error;
    }
}

/** The last line first. @param mostBytes How much of the file is read. */
async function* linesFromEnd(file: FileHandle, mostBytes: number): AsyncGenerator<string> {
    let end = (await file.stat()).size;
    const stopAt = Math.max(0, end - mostBytes);
    let rest: Buffer = Buffer.alloc(0);
    while (end > stopAt) {
        const start = Math.max(stopAt, end - CHUNK_BYTES);
        const chunk = Buffer.alloc(end - start);
        const { bytesRead } = await file.read(chunk, 0, chunk.length, start);
        const text = Buffer.concat([chunk.subarray(0, bytesRead), rest]);
        const first = start === 0 ? 0 : text.indexOf(LINE_END) + 1;
        yield* text.subarray(first).toString().split('\n').filter(Boolean).reverse();
        rest = text.subarray(0, first);
        end = start;
    }
}
