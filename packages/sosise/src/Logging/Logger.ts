import { setImmediate as nextTurn } from 'node:timers/promises';
import winston from 'winston';
import { ContextReader, shorten } from './ContextReader.js';
import { jsonFormat, type LogEntry, readableFormat } from './formats.js';
import { defaultFile, LogFiles } from './LogFiles.js';
import { type LogLevel, severity } from './levels.js';

const maxMessage = 16_384;
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
    private readonly winston: winston.Logger | undefined;
    private readonly files: LogFiles | undefined;
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
        if (options.console || this.files) {
            this.winston = connect(options.console, this.files);
        }
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
        return severity[level] <= limit && this.winston !== undefined && !this.closing;
    }

    /** Resolves when every line is on disk, or after two seconds. Later lines are dropped. */
    public close(): Promise<void> {
        this.closing ??= this.finish();
        return this.closing;
    }

    private log(
        level: LogLevel,
        message: string,
        context: Record<string, unknown> | undefined,
        channel?: string,
    ): void {
        if (!this.isEnabled(level, channel)) {
            return;
        }
        const entry: LogEntry = {
            level,
            message: shorten(text(message), maxMessage),
            timestamp: new Date().toISOString(),
            channel,
            context: context ? new ContextReader(severity[level] <= severity.error).read(context) : undefined,
        };
        this.winston?.log(entry as LogEntry & Record<string, unknown>);
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
        this.winston?.close();
    }

    private async flush(): Promise<void> {
        // winston hands lines on a turn later where many come at once: its own end() would cut them off.
        while (this.winston && this.winston.writableLength + this.winston.readableLength > 0) {
            await nextTurn();
        }
        const files = this.files;
        if (files) {
            await new Promise<void>((resolve) => files.end(resolve));
        }
    }
}

/** One console and one file transport at most; a format that both share runs once a line. */
function connect(console: LoggerOptions['console'], files: LogFiles | undefined): winston.Logger {
    const json = jsonFormat();
    const readable = console === 'readable' ? readableFormat({ colours: wantsColours() }) : undefined;
    const transports: winston.transport[] = [];
    if (console) {
        surviveClosedPipe(process.stdout);
        transports.push(new winston.transports.Console({ format: readable }));
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
