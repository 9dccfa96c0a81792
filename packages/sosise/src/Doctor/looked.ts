import { toError } from '../Exceptions/thrown.js';
import { inTime } from '../Support/Deadlines.js';
import { type Check, problem } from './Check.js';

/** How long one look may take, in ms. */
const LONGEST_MS = 1_500;

/** What a look gave. One that fails, or takes too long, is a problem of its own and hides no other. */
export async function looked(
    name: string,
    look: () => Check[] | Promise<Check[]>,
    longestMs = LONGEST_MS,
): Promise<Check[]> {
    try {
        const late = () => new Error(`no answer came within ${longestMs / 1_000} s.`);
        return await inTime(Promise.resolve().then(look), longestMs, late);
    } catch (error) {
        return [problem(name, `It can't be looked at: ${toError(error).message}`, 'Fix what the sentence names.')];
    }
}
