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
export function isUnheardStreamError(error: unknown): boolean {
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
