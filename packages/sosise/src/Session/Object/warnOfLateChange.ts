import type { Reading } from './ChangeTracker.js';

/**
 * Calls `lost` where what runs now changes a session that nothing will store any more, as its answer has been sent.
 * A save() that runs meanwhile stores it: then nothing is left to be told.
 */
export function warnOfLateChange(read: () => Reading, lost: () => void): void {
    const before = bodyOf(read);
    setImmediate(() => {
        const now = bodyOf(read);
        if (now.body !== before.body && now.isChanged) {
            lost();
        }
    });
}

/** What a session holds now, and whether that differs from what is stored. */
function bodyOf(read: () => Reading): { body: string | undefined; isChanged: boolean } {
    try {
        const { snapshot, change } = read();
        return { body: snapshot.body, isChanged: change !== undefined };
    } catch {
        return { body: undefined, isChanged: true }; // can't be stored: it would be lost as well
    }
}
