import type { AddressInfo } from 'node:net';
import { constants } from 'node:os';
import { inspect } from 'node:util';
import { startFailure } from '../Exceptions/startFailure.js';
import { toError } from '../Exceptions/thrown.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { Logger } from '../Logging/Logger.js';
import { banner } from './banner.js';
import { ErrorPage } from './Errors/ErrorPage.js';
import type { HttpConfig } from './HttpConfig.js';
import { HttpServer } from './HttpServer.js';

type StopSignal = 'SIGTERM' | 'SIGINT';

/** Ctrl-C reaches the whole process group, and npm and tsx pass it on once more: that is still one signal. */
const ECHO_MS = 50;
/** What the providers get to shut down in, after the server was closed. */
const PROVIDERS_MS = 5_000;

/** Runs an application as this process, until a signal or an error ends it. */
export function serve(createApplication: () => Promise<ApplicationKernel>): Promise<void> {
    return new ServerProcess(createApplication).run();
}

/** What whoever started this process may wait for: pm2 with `wait_ready` for the first, `npm run dev` for all. */
export type ToParent = 'ready' | { readonly listening: AddressInfo } | { readonly failed: string };

function tellParent(message: ToParent): void {
    if (process.connected) {
        process.send?.(message, () => undefined);
    }
}

class ServerProcess {
    private app?: ApplicationKernel;
    private stopping?: Promise<void>;
    private firstSignal?: { signal: StopSignal; at: number };

    public constructor(private readonly createApplication: () => Promise<ApplicationKernel>) {}

    public async run(): Promise<void> {
        this.listenToProcess();
        try {
            this.app = await this.createApplication();
            await this.app.boot();
            if (this.stopping) {
                return; // a signal came meanwhile
            }
            const address = await this.app.container.make(HttpServer).listen();
            if (this.app.environment.name !== 'test' && !this.stopping) {
                process.stdout.write(banner(this.app, address));
            }
            tellParent('ready');
            tellParent({ listening: address });
        } catch (error) {
            const failed = startFailure(error);
            process.stderr.write(`${failed}\n`);
            tellParent({ failed });
            await this.stop(1);
        }
    }

    private listenToProcess(): void {
        process.on('SIGTERM', () => this.onSignal('SIGTERM'));
        process.on('SIGINT', () => this.onSignal('SIGINT'));
        // A route that drops its promise must not end everyone's process: the response timeout answers that request.
        process.on('unhandledRejection', (reason) => {
            const fix = 'return the promise from the route, as action() does, or call next(error)';
            this.log('error', `A promise was rejected, and nobody had waited for it: ${fix}.`, reason);
        });
        // Whatever threw outside of any request may have left things half done.
        process.on('uncaughtException', (error) => {
            if (isUnheardStreamError(error)) {
                const fix = 'join streams by pipeline() of node:stream/promises, and await it';
                this.log('error', `A stream failed, and nobody heard its 'error' event: ${fix}.`, error);
                return;
            }
            if (this.app?.environment.isDevelopment && this.app.state === 'booted' && !this.stopping) {
                // Nobody would start it again before the next save.
                this.log('critical', 'An uncaught exception, which ends the process in production.', error);
                return;
            }
            this.log('critical', 'An uncaught exception ends the process.', error);
            tellParent({ failed: inspect(error) });
            void this.stop(1);
        });
    }

    private onSignal(signal: StopSignal): void {
        const now = performance.now();
        if (!this.stopping) {
            this.firstSignal = { signal, at: now };
            void this.stop(0);
            return;
        }
        const { firstSignal: first } = this;
        if (first?.signal === signal && now - first.at < ECHO_MS) {
            return;
        }
        process.exit(128 + constants.signals[signal]);
    }

    private stop(code: number): Promise<void> {
        this.stopping ??= this.finish(code);
        return this.stopping;
    }

    /** Finishes requests, then providers, then the process. */
    private async finish(code: number): Promise<void> {
        const { app } = this;
        const { stopDelayMs = 0, shutdownTimeoutMs = 0 } = app?.config.get<HttpConfig>('http') ?? {};
        setTimeout(
            () => {
                process.stderr.write('The application did not shut down in time.\n');
                process.exit(1);
            },
            stopDelayMs + shutdownTimeoutMs + PROVIDERS_MS,
        ).unref();
        try {
            if (app?.state === 'booted') {
                await app.container.make(HttpServer).close();
            }
            await app?.shutdown();
        } catch (error) {
            process.stderr.write(`The application failed to shut down: ${inspect(error)}\n`);
            process.exit(1);
        }
        process.exit(code);
    }

    /** In development only. */
    private fixOf(error: Error): string | undefined {
        try {
            return this.app?.container.find(ErrorPage)?.fixOf(error);
        } catch {
            return undefined;
        }
    }

    private log(level: 'error' | 'critical', message: string, reason: unknown): void {
        const error = toError(reason);
        if (this.app?.container.has(Logger) && this.app.state !== 'terminated') {
            const fix = this.fixOf(error);
            this.app.container.make(Logger)[level](message, { ...(fix !== undefined && { fix }), error });
        } else {
            process.stderr.write(`${message} ${inspect(error)}\n`);
        }
    }
}

/** How Node.js emits an error later, in a tick of its own: of streams, of requests to other servers, and of processes. */
const LATER = /\bat (?:emitErrorNT|emitErrorEvent|onErrorNT) /;
/** Node.js itself, or the package that many streams from npm are made with: its functions have the same names. */
const NOBODYS = /\(node:|[\\/]node_modules[\\/]readable-stream[\\/]/;
const AS_IN_STACK = '[... lines matching original stack trace ...]';

/**
 * Whether an uncaught exception is an 'error' event of a stream that nobody heard, as of a `spawn()` whose output is piped
 * into an answer. Node.js says where the event was emitted by a function that
 * it hangs on the error: where that was in a tick of its own, nobody's work was cut short. Where it says nothing, false.
 */
function isUnheardStreamError(error: unknown): boolean {
    if (!(error instanceof Error)) {
        return false;
    }
    const mark = Object.getOwnPropertySymbols(error).find((one) => one.description === 'kEnhanceStackBeforeInspector');
    const tell = mark && ((error as unknown as Record<symbol, unknown>)[mark] as unknown);
    const [, ...emitted] = typeof tell === 'function' ? String(tell()).split(/^Emitted 'error' event.*\n/m) : [];
    const lines = emitted.at(-1)?.trim().split('\n') ?? [];
    const frames = lines.flatMap((line) => (line.includes(AS_IN_STACK) ? framesOf(error) : [line]));
    return frames.every((frame) => NOBODYS.test(frame)) && frames.some((frame) => LATER.test(frame));
}

function framesOf({ stack }: Error): string[] {
    return String(stack)
        .split('\n')
        .filter((line) => /^\s+at /.test(line));
}
