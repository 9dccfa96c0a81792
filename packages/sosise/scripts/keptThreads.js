// For scripts/mutate.js: a pool of Vitest whose thread stays between runs. A new one for each changed expression would load the
// framework and its packages again, which takes longer than nearly all that is tested: 0.9 in place of 0.2 s.
import { ThreadsPoolWorker } from 'vitest/node';

/** A thread is given up after so many runs: what earlier ones have left behind adds up. */
const MOST_RUNS = 50;

let kept;
let runs = 0;

class KeptThread extends ThreadsPoolWorker {
    name = 'kept-threads';

    constructor(options) {
        super(options);
        this.project = options.project;
    }

    async start() {
        // What runs while modules are loaded needs them to be loaded again.
        const isFresh = this.project.getProvidedContext().mutantActivation === 'static';
        runs += 1;
        if (kept && (isFresh || runs > MOST_RUNS)) {
            await kept.terminate();
            kept = undefined;
        }
        if (kept) {
            this._thread = kept;
        }
        await super.start();
        if (!kept) {
            runs = 0;
            kept = this._thread;
            kept.setMaxListeners(0);
            kept.once('exit', () => {
                kept = undefined;
            });
        }
        this.isFresh = isFresh;
    }

    send(message) {
        if (message.type === 'stop' && !this.isFresh) {
            this.thread.emit('message', { __vitest_worker_response__: true, type: 'stopped' });
        } else {
            super.send(message);
        }
    }

    async stop() {
        if (this.isFresh || !kept) {
            kept = undefined;
            return super.stop();
        }
        this._thread.stdout.unpipe(this.stdout);
        this._thread.stderr.unpipe(this.stderr);
        this._thread = undefined;
    }
}

export const keptThreads = {
    name: 'kept threads',
    configureVitest({ project }) {
        project.config.pool = 'kept-threads';
        project.config.poolRunner = { name: 'kept-threads', createPoolWorker: (options) => new KeptThread(options) };
    },
};
