import { createInterface } from 'node:readline/promises';
import { terminal } from './Terminal.js';

/** Whether somebody is there to be asked, who sees the question and can answer it. */
export function canAsk(): boolean {
    return terminal.isInteractive && process.stdin.isTTY === true;
}

/** Asks on the terminal. Only a yes is one: not an empty line, the end of the input, or Ctrl-C. */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
    // Not as a terminal of its own: Ctrl-C has to stay a signal.
    const lines = createInterface({ input: process.stdin, output: process.stdout, terminal: false });
    const over = new AbortController();
    lines.once('close', () => over.abort());
    try {
        const answer = await lines.question(question, { signal: AbortSignal.any([signal, over.signal]) });
        return /^y(es)?$/i.test(answer.trim());
    } catch {
        process.stdout.write('\n');
        return false;
    } finally {
        lines.close();
    }
}
