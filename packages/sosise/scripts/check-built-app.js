// Starts the built app, asks it for `/`, and stops it again:
//     node scripts/check-built-app.js FOLDER COMMAND [ARGUMENT...]
// COMMAND runs in FOLDER, in production, on a free port, with a secret of its own. The answer has to be 200 with the
// envelope, and SIGTERM has to end the app with exit code 0. Whatever happens, nothing is left running.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

const LIMIT_MS = 30_000;

const [folder, command, ...args] = process.argv.slice(2);
if (!folder || !command) {
    console.error('Usage: node scripts/check-built-app.js FOLDER COMMAND [ARGUMENT...]');
    process.exit(2);
}

const port = await freePort();
const started = performance.now();
const app = spawn(command, args, {
    cwd: folder,
    detached: true, // a process group of its own, so that npm, its shell and the app can all be ended
    env: {
        ...process.env,
        NODE_ENV: 'production',
        LISTEN_PORT: String(port),
        SESSION_SECRET: randomBytes(32).toString('base64url'),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
});
const exited = once(app, 'exit');
process.on('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => process.exit(1));
}
setTimeout(() => fail(`no result within ${LIMIT_MS / 1000} s`), LIMIT_MS).unref();

const answer = await firstAnswer();
const body = await answer.json();
if (answer.status !== 200 || typeof body.code !== 'number' || typeof body.message !== 'string' || !('data' in body)) {
    fail(`GET / gave ${answer.status} ${JSON.stringify(body)}, not 200 with {code, message, data}`);
}
const seconds = ((performance.now() - started) / 1000).toFixed(2);

// Not npm, should it be the command: npm passes a signal on to its shell, which ends and leaves the app running.
process.kill(newestOfGroup(), 'SIGTERM');
const [code, signal] = await exited;
if (code !== 0) {
    fail(`SIGTERM ended the app with ${signal ?? `exit code ${code}`}, not with exit code 0`);
}
if (groupLives()) {
    fail('SIGTERM ended the command, and left processes of it running');
}
console.log(`The built app answered GET / after ${seconds} s, and stopped on SIGTERM.`);
process.exit(0);

async function firstAnswer() {
    let gone = false;
    exited.then(() => {
        gone = true;
    });
    for (;;) {
        try {
            return await fetch(`http://127.0.0.1:${port}/`);
        } catch {
            if (gone) {
                fail('the app ended before it answered');
            }
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    }
}

async function freePort() {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port: free } = probe.address();
    probe.close();
    await once(probe, 'close');
    return free;
}

function fail(reason) {
    console.error(`check-built-app: ${reason}.`);
    process.exit(1);
}

/** The process that the command and its children came down to: the app. */
function newestOfGroup() {
    return Number(execFileSync('pgrep', ['--newest', '--pgroup', String(app.pid)], { encoding: 'utf8' }));
}

function groupLives() {
    try {
        process.kill(-app.pid, 0);
        return true;
    } catch {
        return false;
    }
}

function killAll() {
    if (app.pid !== undefined && groupLives()) {
        process.kill(-app.pid, 'SIGKILL');
    }
}
