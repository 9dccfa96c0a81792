import { compileServer } from './compile.js';
import { type Outcome, Trial } from './Outcome.js';
import { PROMISES } from './promises/index.js';
import { report } from './report.js';
import { closeCluster } from './SqlTable.js';
import { isOurs, SYSTEMS, whyNot } from './System.js';

/*
 * npm run promises [-- --quick] [-- --only=<part of a promise's name>] [-- --on=<part of a system's name>]
 *
 * Runs every promise of docs/sessions.md over real HTTP, on express-session wired by hand and on this skeleton, and
 * prints what was lost. Ends with 1 where ours lost something, or could not be tried.
 */
const argument = (name: string) => process.argv.find((text) => text.startsWith(`--${name}=`))?.split('=')[1];
const part = process.argv.includes('--quick') ? 0.15 : 1;
const only = argument('only');
const on = argument('on');

const promises = PROMISES.filter(({ name }) => !only || name.includes(only));
const chosen = SYSTEMS.filter(({ name }) => !on || name.includes(on));
const systems = chosen.filter((system) => whyNot(system) === undefined);
for (const why of new Set(chosen.map(whyNot))) {
    if (why !== undefined) {
        console.log(`Left out: ${why}`);
    }
}
const server = await compileServer();
const started = performance.now();
const outcomes = new Map<string, Outcome>();
let isStopped = false;
// Ctrl-C ends the servers too: what runs breaks off, mounts and folders are removed, and the table is printed.
process.once('SIGINT', () => {
    isStopped = true;
});
try {
    for (const promise of promises) {
        for (const system of systems) {
            if (isStopped) {
                break;
            }
            const key = `${promise.name} × ${system.name}`;
            progress(`${Math.round((performance.now() - started) / 1000)} s  ${key}`);
            const trial = new Trial(system, server.script, part);
            outcomes.set(key, trial.outcome);
            if (promise.without?.(system) === undefined) {
                try {
                    await promise.run(trial);
                } catch (error) {
                    trial.outcome.round(`it broke off: ${error instanceof Error ? error.message : String(error)}`);
                }
            }
        }
    }
} finally {
    progress('');
    await server.remove();
    await closeCluster();
}
const seconds = Math.round((performance.now() - started) / 1000);
console.log(report(promises, systems, (promise, system) => outcomes.get(`${promise.name} × ${system.name}`), seconds));
const bad = promises.some((promise) =>
    systems.filter(isOurs).some((system) => {
        const outcome = outcomes.get(`${promise.name} × ${system.name}`);
        return !outcome || outcome.losses > 0 || outcome.skipped !== undefined;
    }),
);
process.exit(bad ? 1 : 0);

/** One line that is written over on a terminal, and a line each elsewhere. */
function progress(text: string): void {
    if (process.stderr.isTTY) {
        process.stderr.write(`\r\u001b[K${text}`);
    } else if (text) {
        process.stderr.write(`${text}\n`);
    }
}
