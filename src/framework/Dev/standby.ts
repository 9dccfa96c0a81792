// The process of a run: it loads ahead what every run needs, and becomes the application once it is told to.
import { pathToFileURL } from 'node:url';
import { loadAhead } from './loadAhead.js';

let told = false;

/** The application listens to signals itself; what did not get that far has nothing to finish. */
const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    told = true;
    if (process.listenerCount(signal) === 1) {
        process.exit(0);
    }
};
process.on('SIGINT', onSignal);
process.on('SIGTERM', onSignal);

/** Ctrl-C has reached the whole group before: a second signal would end the application without finishing requests. */
const stop = (): void => {
    if (!told) {
        process.emit('SIGTERM', 'SIGTERM');
    }
};

process.on('disconnect', stop); // nobody is left who would end it
process.on('message', (message: 'stop' | { entry: string }) => {
    if (message === 'stop') {
        stop();
        return;
    }
    process.channel?.unref(); // it ends when it has nothing left to do, as it would on its own
    process.argv[1] = message.entry;
    void import(pathToFileURL(message.entry).href);
});

await loadAhead();
