/**
 * Compares the built application with a hand-wired Express 5 app that uses the same session packages. On Linux with two
 * cores the servers have one and this process, which asks, has the other.
 *
 *     npm run bench                              all drivers and kinds of request, about five minutes
 *     npm run bench -- --driver=memory --only=read,change
 *     npm run bench -- --driver=redis --processes=1,2          beside connect-redis, each app with a Redis of its own
 *     npm run bench -- --driver=database --processes=1,2       PostgreSQL: beside connect-pg-simple, and that behind our adapter
 *     npm run bench -- --driver=sqlite                         beside session-file-store, and our files
 *     npm run bench -- --boot                    boot to the first 200, memory, size of the install
 *     npm run bench -- --growth                  ours with more, larger sessions and more connections; --million for that many
 *                                            in files; each measured for half of --seconds
 *     npm run bench -- --recovery                ours while Redis is in trouble, and how soon it is well again;
 *                                            with --driver=database: while PostgreSQL is
 *     npm run bench -- --profile --driver=file --only=read     a CPU profile of our server instead
 *
 * --node=24,26             on other versions of Node, one after another: each is fetched once, and runs the servers
 * --peers                  also beside Fastify with its session plug-in and the least work with node:http; fetched once, too
 * --rounds=5 --seconds=1.5   the apps are asked for so many seconds in turn, so many times, when they are warm
 * --connections=32 --sessions=64 --bytes=1024               of JSON in each session
 * --metrics                also ours with `metrics: true`
 * --before=FOLDER          also ours of another working tree, whose `npm ci && npm run build` was run
 * --only=none,read,change,change-form,new,new-form,unknown,log,terminal --encrypt --json
 *
 * Every answer is compared with what it should be, and after each round the sessions are read back: what is wrong voids
 * its row, and the exit code is 1. Our app runs with all that is on by default but for its access log, which has rows of its own:
 * into files and a standard output that nobody reads, and into files and on a terminal.
 */
import { parseArgs } from 'node:util';
import { AppProcess, type Driver } from './AppProcess.js';
import { bootTable, installTable, measureBoot, measureInstalls } from './boot.js';
import { growthTable, measureGrowth, measureStoredMemory, storedMemoryTable } from './growth.js';
import { installedPeers, nodeProgram } from './packages.js';
import { moveToClientCore } from './pinning.js';
import { profileRow } from './profile.js';
import { measureRecovery, recoveryTable } from './recovery.js';
import { circumstances, circumstancesLine, rowTable } from './report.js';
import { measureRow, planRows, type Rounds, type Row } from './rows.js';

const { values } = parseArgs({
    options: {
        driver: { type: 'string', default: 'file,memory' },
        only: { type: 'string', default: '' },
        processes: { type: 'string', default: '1' },
        rounds: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '1.5' },
        connections: { type: 'string', default: '32' },
        sessions: { type: 'string', default: '64' },
        bytes: { type: 'string', default: '1024' },
        encrypt: { type: 'boolean', default: false },
        metrics: { type: 'boolean', default: false },
        before: { type: 'string' },
        boot: { type: 'boolean', default: false },
        growth: { type: 'boolean', default: false },
        million: { type: 'boolean', default: false },
        recovery: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
        node: { type: 'string', default: '' },
        peers: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
    },
});

const peers = values.peers ? installedPeers(say) : undefined;
const settings: Omit<Rounds, 'node'> = {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    connections: Number(values.connections),
    sessions: Number(values.sessions),
    bytes: Number(values.bytes),
    encrypt: values.encrypt,
    metrics: values.metrics,
    before: values.before,
    peers: peers?.folder,
};
const plans = planRows(
    values.driver.split(',') as Driver[],
    values.only.split(',').filter((name) => name !== ''),
    values.processes.split(',').map(Number),
);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void AppProcess.stopAll().finally(() => process.exit(1)));
}
moveToClientCore();
for (const version of values.node.split(',')) {
    const node = version === '' ? process.execPath : nodeProgram(version, say);
    await measure({ ...settings, node });
}

async function measure(settings: Rounds): Promise<void> {
    if (values.boot) {
        await boot(settings);
    } else if (values.growth) {
        await growth(settings);
    } else if (values.recovery) {
        const recoveries = await measureRecovery(values.driver, settings, say);
        print(settings, { recoveries }, recoveryTable(values.driver, recoveries));
    } else if (values.profile) {
        for (const plan of plans) {
            console.log(await profileRow(plan, settings));
        }
    } else {
        await throughput(settings);
    }
}

async function throughput(settings: Rounds): Promise<void> {
    const rows: Row[] = [];
    for (const plan of plans) {
        rows.push(await measureRow(plan, settings, say));
    }
    print(settings, { rows }, rowTable(rows));
    failIf(rows.some((row) => row.void));
}

async function boot(settings: Rounds): Promise<void> {
    const boots = await measureBoot(Math.max(9, settings.rounds), settings.node, say);
    const installs = measureInstalls(say);
    print(settings, { boots, installs }, `${bootTable(boots)}\n${installTable(installs)}`);
}

async function growth(settings: Rounds): Promise<void> {
    const drivers = values.driver.split(',') as Driver[];
    const { node, seconds } = settings;
    const rows = await measureGrowth(drivers, { seconds: seconds / 2, million: values.million, node }, say);
    const storedMemory = drivers.includes('memory') ? await measureStoredMemory(node, say) : [];
    print(settings, { rows, storedMemory }, `${growthTable(rows)}\n${storedMemoryTable(storedMemory)}`);
    failIf(rows.some((row) => row.void));
}

function failIf(wrong: boolean): void {
    process.exitCode = wrong ? 1 : process.exitCode;
}

function print(settings: Rounds, figures: object, table: string): void {
    const about = circumstances(settings.node, peers?.versions);
    console.log(
        values.json
            ? JSON.stringify({ ...about, settings, ...figures }, undefined, 4)
            : `${circumstancesLine(about)}\n\n${table}`,
    );
}

function say(text: string): void {
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}
