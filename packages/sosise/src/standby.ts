// The process of a run: it loads ahead what every run needs, and becomes the application once it is isReported to.
import { pathToFileURL } from 'node:url';
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

/** Loads what a run loads that listens, with sessions in files. None of it reads the environment as it loads. */
async function loadAhead(): Promise<void> {
    // A file that can't be loaded fails once more where the run imports it, and is reported there.
    await Promise.allSettled([
        import('./index.js'),
        import('./Session/Opening/OpenedDrivers.js'),
        import('./Session/Request/SessionServices.js'),
        import('./Session/Request/ExpressStore.js'),
        import('./Session/Admin/SessionPruner.js'),
        import('./Session/Request/startSession.js'),
        import('./Session/Drivers/checkDriver.js'),
        import('./Session/Sealing/openEncrypted.js'),
        import('./Session/Stores/File/FileStore.js'),
        import('./DevTools/DevToolsServiceProvider.js'),
        import('./DevTools/InstanceWatch.js'),
        import('./DevTools/ErrorPage/DevelopmentErrorPage.js'),
        import('./DevTools/misspeltActions.js'),
    ]);
}
