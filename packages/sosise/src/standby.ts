// The process of a run: it loads ahead what every run needs, and becomes the application once it is isReported to.
import { pathToFileURL } from 'node:url';
import { loadAhead } from './Dev/loadAhead.js';
import type { ToRun } from './Dev/Run.js';
import { startFailure } from './Exceptions/startFailure.js';
import type { ToParent } from './Http/serve.js';

let isReported = false;

/** The application listens to signals itself; what did not get that far has nothing to finish. */
const onSignal = (signal: NodeJS.Signals): void => {
    isReported = true;
    if (process.listenerCount(signal) === 1) {
        process.exit(0);
    }
};
process.on('SIGINT', onSignal);
process.on('SIGTERM', onSignal);

/** Ctrl-C reaches the whole group: a second signal would end the application without finishing requests. */
const stop = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (!isReported) {
        process.emit(signal, signal);
    }
};

/** Until the application listens to this itself: of its code that can't be read, Node.js would tell the loader's stack. */
process.on('uncaughtException', (error) => {
    if (process.listenerCount('uncaughtException') === 1) {
        const failed = startFailure(error);
        process.stderr.write(`${failed}\n`);
        process.send?.({ failed } satisfies ToParent, () => undefined);
        process.exit(1);
    }
});

process.on('disconnect', () => stop('SIGTERM')); // nobody is left who would end it
process.on('message', (message: ToRun) => {
    if ('stop' in message) {
        stop(message.stop);
        return;
    }
    process.channel?.unref(); // it ends when it has nothing left to do, as it would on its own
    process.argv[1] = message.entry;
    void import(pathToFileURL(message.entry).href);
});

await loadAhead();
