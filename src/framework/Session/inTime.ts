/** Waits for work no longer than `timeoutMs`; then it fails with what `late` gives, and the work goes on behind it. */
export function inTime<T>(work: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
    // By hand: Promise.race() makes three more promises, and this runs for every request whose store is not in memory.
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(late()), timeoutMs);
        work.then(
            (result) => {
                clearTimeout(timer);
                resolve(result);
            },
            (error) => {
                clearTimeout(timer);
                reject(error);
            },
        );
    });
}
