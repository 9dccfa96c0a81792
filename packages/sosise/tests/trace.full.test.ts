import { describe, expect, test } from 'vitest';
import { type Passage, traceRequests } from './trace/traceRequests.js';

/*
 * How long the road of a request is, so that it does not grow again: `npm run trace` prints it. express-session with a store
 * needs 77 calls of functions in 5 files for a read.
 */
describe('from the session stage until its answer has left', async () => {
    const { read, change } = await traceRequests();

    test('a request that reads its session passes at most 130 calls, 60 changes of file, and 16 files of Session', () => {
        expectWithin(read, { calls: 130, changesOfFile: 60, sessionFiles: 16 });
    });

    test('a request that changes its session passes at most 240 calls and 110 changes of file', () => {
        expectWithin(change, { calls: 240, changesOfFile: 110, sessionFiles: 34 });
    });
});

function expectWithin(passage: Passage, most: Record<'calls' | 'changesOfFile' | 'sessionFiles', number>): void {
    expect(passage.calls.length).toBeLessThanOrEqual(most.calls);
    expect(passage.changesOfFile).toBeLessThanOrEqual(most.changesOfFile);
    expect(passage.sessionFiles).toBeLessThanOrEqual(most.sessionFiles);
}
