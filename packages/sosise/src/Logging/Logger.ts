import { setImmediate as nextTurn } from 'node:timers/promises';
import winston from 'winston';
import type { Access } from './Access.js';
import { ContextReader, shorten } from './ContextReader.js';
import { timestampOf } from './clock.js';
import { accessChannel, jsonFormat, type LogEntry, readableFormat } from './formats.js';
import { defaultFile, LogFiles } from './LogFiles.js';
import { type LogLevel, severity } from './levels.js';

const maxMessage = 16_384;
/**
 * How long lines of requests wait for others. Few at once cost much more: of 4 connections that ask all the time, a line in files and
 * on a terminal takes 5 µs, and 13 where each turn of the event loop writes its own (Node.js 24).
 */
const accessesEveryMs = 10;
/** How long `close()` waits for the disk, so that a disk that hangs can't hold up the end of the process. */
const maxCloseMs = 2_000;

export interface LoggerOptions {
    /** Lines below this level are not made. */
    level: LogLevel;
    /** What standard output gets. */
    console: false | 'readable' | 'json';
    /** Without it nothing is written to disk. */
    files?: { folder: string; maxSizeBytes: number; maxFiles: number };
    /** Channels with a level or a file of their own; any other name is fine, and follows the defaults. */
    channels?: Readonly<Record<string, { readonly level?: LogLevel; readonly file?: string }>>;
}

/**
 * Writes log lines to the terminal and to files, through winston. A call never throws and never waits, whatever its
 * context holds and whatever state the disk is in. Values under names like `password` or `cookie` are not shown.
 */
export class Logger {
    private readonly winston: winston.Logger;
    private readonly files: LogFiles | undefined;
    private readonly console: LoggerOptions['console'];
    private readonly colours: boolean;
    private readonly added: winston.transport[] = [];
    private accesses: Access[] = [];
    private readonly level: number;
    private readonly levels = new Map<string, number>();
    private closing: Promise<void> | undefined;

    public constructor(options: LoggerOptions) {
        const fileOf = new Map<string, string>();
        for (const [name, channel] of Object.entries(options.channels ?? {})) {
            this.levels.set(name, severity[channel.level ?? options.level]);
            fileOf.set(name, channel.file ?? defaultFile);
        }
        this.level = severity[options.level];
        if (options.files) {
            this.files = new LogFiles({ ...options.files, fileOf, tell });
        }
        this.console = options.console;
        this.colours = options.console === 'readable' && wantsColours();
        this.winston = connect(options.console, this.colours, this.files);
    }

    /** Gives every line to one more of winston's transports, in the transport's own format; without one, as JSON. */
    public add(transport: winston.transport): this {
        this.flushAccesses(); // they came before
        transport.format ??= jsonFormat();
        this.added.push(transport);
        this.winston.add(transport);
        return this;
    }

    public debug(message: string, context?: Record<string, unknown>, channel?: string): void {
        this.log('debug', message, context, channel);
    }

    public info(message: string, context?: Record<string, unknown>, channel?: string): void {
        this.log('info', message, context, channel);
    }

    public warning(message: string, context?: Record<string, unknown>, channel?: string): void {
        this.log('warning', message, context, channel);
    }

    /** `context.error` may be an error: its stack and its causes are logged. */
    public error(message: string, context?: Record<string, unknown>, channel?: string): void {
        this.log('error', message, context, channel);
    }

    public critical(message: string, context?: Record<string, unknown>, channel?: string): void {
        this.log('critical', message, context, channel);
    }

    /** Whether a line of this level would be written: ask before work that only a log line needs. */
    public isEnabled(level: LogLevel, channel?: string): boolean {
        const limit = channel === undefined ? this.level : (this.levels.get(channel) ?? this.level);
        return severity[level] <= limit && this.hasOutput && !this.closing;
    }

    /** Takes the line of a request. It is made and written together with those that come within a few milliseconds. */
    public access(access: Access): void {
        if (this.isEnabled('info', accessChannel) && this.accesses.push(access) === 1) {
            withAccesses.add(this);
            setTimeout(() => this.flushAccesses(), accessesEveryMs).unref(); // what waits at an exit is written then
        }
    }

    /** Writes what `info` does, the same to the byte, without winston's streams where only they would be passed. */
    public flushAccesses(): void {
        const { accesses } = this;
        if (accesses.length === 0) {
            return;
        }
        this.accesses = [];
        withAccesses.delete(this);
        const direct: Access[] = [];
        for (const access of accesses) {
            // What winston still holds comes first, and transports that were added must get all lines.
            if (this.added.length === 0 && !this.isBusy && access.isPlain) {
                direct.push(access);
            } else {
                this.writeAccesses(direct.splice(0));
                this.log('info', access.message, access.context, accessChannel, access.ms);
            }
        }
        this.writeAccesses(direct);
    }

    private writeAccesses(accesses: readonly Access[]): void {
        if (accesses.length === 0 || !this.isEnabled('info', accessChannel)) {
            return;
        }
        const json = this.files || this.console === 'json' ? accesses.map((access) => access.json()).join('\n') : '';
        this.files?.append(accessChannel, json, accesses.length);
        if (this.console) {
            const shown =
                this.console === 'json' ? json : accesses.map((access) => access.readable(this.colours)).join('\n');
            process.stdout.write(`${shown}\n`);
        }
    }

    /** Resolves when every line is on disk, or after two seconds. Later lines are dropped. */
    public close(): Promise<void> {
        this.flushAccesses();
        this.closing ??= this.finish();
        return this.closing;
    }

    private log(
        level: LogLevel,
        message: string,
        context: Record<string, unknown> | undefined,
        channel?: string,
        ms = Date.now(),
    ): void {
        if (!this.isEnabled(level, channel)) {
            return;
        }
        const entry: LogEntry = {
            level,
            message: shorten(text(message), maxMessage),
            timestamp: timestampOf(ms),
            channel,
            context: context ? new ContextReader(severity[level] <= severity.error).read(context) : undefined,
        };
        this.flushAccesses(); // they came before
        try {
            this.winston.log(entry as LogEntry & Record<string, unknown>);
        } catch (error) {
            tell(`Logging failed: ${(error as Error).message}`); // a format of somebody's transport
        }
    }

    private async finish(): Promise<void> {
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<void>((resolve) => {
            timer = setTimeout(() => {
                tell(`The log files took longer than ${maxCloseMs} ms to close: the last lines may be missing.`);
                resolve();
            }, maxCloseMs);
        });
        await Promise.race([this.flush(), late]);
        clearTimeout(timer);
        this.winston.close();
    }

    private async flush(): Promise<void> {
        // winston hands lines on a turn later where many come at once: its own end() would cut them off.
        while (this.isBusy) {
            await nextTurn();
        }
        const streams = [...(this.files ? [this.files] : []), ...this.added];
        await Promise.all(streams.map((stream) => new Promise<void>((resolve) => stream.end(resolve))));
    }

    private get isBusy(): boolean {
        return this.winston.writableLength + this.winston.readableLength > 0;
    }

    private get hasOutput(): boolean {
        return this.console !== false || this.files !== undefined || this.added.length > 0;
    }
}

const withAccesses = new Set<Logger>();
// Before the files write what they have at this moment.
process.prependListener('exit', () => {
    for (const logger of withAccesses) {
        logger.flushAccesses();
    }
});

/** One console and one file transport at most; a format that both share runs once a line. */
function connect(console: LoggerOptions['console'], colours: boolean, files: LogFiles | undefined): winston.Logger {
    const json = jsonFormat();
    const readable = console === 'readable' ? readableFormat({ colours }) : undefined;
    const transports: winston.transport[] = [];
    if (console) {
        surviveClosedPipe(process.stdout);
        transports.push(new winston.transports.Console({ format: readable, eol: '\n' }));
    }
    if (files) {
        transports.push(new winston.transports.Stream({ stream: files, format: readable && json }));
    }
    const logger = winston.createLogger({
        levels: { ...severity },
        level: 'debug', // Logger has decided already
        format: readable ? winston.format((info) => info)() : json,
        transports,
        exitOnError: false,
    });
    return logger.on('error', (error: Error) => tell(`Logging failed: ${error.message}`));
}

/** Node's own answer for this terminal, which heeds NO_COLOR, FORCE_COLOR and TERM=dumb. */
function wantsColours(): boolean {
    return process.stdout.isTTY === true && process.stdout.hasColors();
}

function tell(sentence: string): void {
    surviveClosedPipe(process.stderr);
    process.stderr.write(`${sentence}\n`);
}

const ignoreError = (): void => undefined;

/** Whoever reads our output may go away; without a listener that would end the process. */
function surviveClosedPipe(stream: NodeJS.WriteStream): void {
    if (!stream.listeners('error').includes(ignoreError)) {
        stream.on('error', ignoreError);
    }
}

function text(message: unknown): string {
    if (typeof message === 'string') {
        return message;
    }
    try {
        return String(message);
    } catch {
        return '[unreadable]';
    }
}
