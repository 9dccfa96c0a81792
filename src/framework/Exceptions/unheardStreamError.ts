/**
 * Whether an uncaught exception is an 'error' event of a stream of Node.js that nobody heard, as in
 * `createReadStream(path).pipe(createGzip()).pipe(response)`. Node.js says where the event was emitted by a function that
 * it hangs on the error: where that was in a tick of its own, nobody's work was cut short. Where it says nothing, false.
 */
export function isUnheardStreamError(error: unknown): boolean {
    if (!(error instanceof Error)) {
        return false;
    }
    const mark = Object.getOwnPropertySymbols(error).find((one) => one.description === 'kEnhanceStackBeforeInspector');
    const tell = mark && ((error as unknown as Record<symbol, unknown>)[mark] as unknown);
    const [, ...emitted] = typeof tell === 'function' ? String(tell()).split(/^Emitted 'error' event.*\n/m) : [];
    const frames = emitted.at(-1)?.trim().split('\n') ?? [];
    return (
        frames.every((frame) => frame.includes('(node:')) && frames.some((frame) => frame.includes('at emitErrorNT '))
    );
}
