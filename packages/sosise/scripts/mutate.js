#!/usr/bin/env node
// Says how well the fast tests prove the heart of the session layer: Stryker changes one expression of it after the other, and a
// test has to fail for each. By hand, not in CI, as it takes long: a whole room is an hour of one core.
//     npm run mutate -- [ROOM or FILE[:LINE-LINE]...] [--every N] [--tests NAME]... [--survivors REPORT.json] [--static] [--name NAME]
// A room is record, repository or request; without one, all of them in turn. FILE is named from src/Session, as Record/plainData.ts.
// --every tries a sample, one in N pieces of twelve lines. --tests takes other test files than those of the room; --survivors tries
// only what survived in an earlier report. --static tries what runs while the modules are loaded, too, which needs them loaded anew
// each time; a module that is loaded in the middle of a test is not told from others, and what it does then seems to survive.
// The tool comes from the npm registry into a folder outside the repository, with a copy of the repository beside it in which it
// works: in a sandbox of its own below the package, the tests would import `sosise` by node_modules, which is not what it changes.
// There the tests are bundled with what they import, and their thread stays (keptThreads.js): 0.4 s for each change in place of 1.7.
// MUTATE_FOLDER names that folder; the reports stay in it, as reports/NAME.json and .html.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

/** The last that runs on Node.js 20. */
const STRYKER = '9.6.1';

/** Each room with fast test files that pass through it. Files that only wait, or start processes, are left out. */
const ROOMS = {
    record: {
        folder: 'Record',
        tests: [
            ...['recordTexts', 'cookieSettings', 'sessionChange', 'storageKeys', 'sessionLifetime', 'hotRecords'],
            ...['values', 'cookieTimes', 'sessionTimes', 'expiry', 'configChanges', 'sessionIds', 'records'],
        ],
    },
    repository: {
        folder: 'Repository',
        tests: [
            ...['sessionErrors', 'storeCalls', 'tombstones', 'userSessions', 'userLimits'],
            ...['sessionReader', 'sessionWrites', 'prunedRecords', 'sessionRepository'],
            ...['hotRecords', 'sessionIds', 'expiry', 'sessionFaults', 'manyChanges', 'login', 'pruning', 'exclusive'],
            ...['sessionTimes', 'configChanges', 'memoryStore', 'session', 'records'],
        ],
    },
    request: {
        folder: 'Request',
        tests: [
            ...[
                'sessionIds',
                'expiry',
                'pull',
                'caching',
                'session',
                'answers',
                'expressSession',
                'flash',
                'exclusive',
            ],
            ...['sessionFaults', 'cookieTimes', 'errorSessions', 'login', 'values'],
            ...['answerPlan', 'reachability', 'requestStates', 'sessionActions', 'sessionStore', 'eventFlows'],
            ...['sessionTimes', 'configChanges', 'cookieHeaders'],
        ],
    },
};

const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        tests: { type: 'string', multiple: true, default: [] },
        survivors: { type: 'string' },
        concurrency: { type: 'string', default: '1' },
        static: { type: 'boolean' },
        name: { type: 'string' },
        every: { type: 'string', default: '1' },
    },
});

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const folder = process.env.MUTATE_FOLDER ?? join(tmpdir(), 'sosise-mutate');
const tools = join(folder, 'node_modules');
const copy = join(folder, `copy-${process.pid}`);
const sources = 'src/Session';
const BUNDLES = '.build-mutate';
/** How many lines a piece of a sample has. */
const PIECE = 12;

if (positionals[0] === 'bundle') {
    await bundle(positionals.slice(1));
    process.exit();
}
const targets = positionals.length > 0 ? positionals : Object.keys(ROOMS);
fetchTools();
copyRepository();
process.once('exit', () => rmSync(copy, { recursive: true, force: true }));
for (const target of targets) {
    mutate(target);
}

function fetchTools() {
    const version = join(tools, '@stryker-mutator/core/package.json');
    if (existsSync(version) && JSON.parse(readFileSync(version, 'utf8')).version === STRYKER) {
        return;
    }
    mkdirSync(folder, { recursive: true });
    // Without its peers: the test runner is the repository's.
    const flags = ['--no-save', '--no-audit', '--no-fund', '--legacy-peer-deps', '--silent'];
    const packages = ['core', 'vitest-runner'].map((name) => `@stryker-mutator/${name}@${STRYKER}`);
    execFileSync('npm', ['install', '--prefix', folder, ...flags, ...packages], { stdio: 'inherit' });
    rmSync(join(tools, 'vitest'), { recursive: true, force: true });
    symlinkSync(join(repository, 'node_modules/vitest'), join(tools, 'vitest'));
}

/** What git knows or would add. Its node_modules are links to the repository's, but for the framework itself. */
function copyRepository() {
    const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
        cwd: repository,
        encoding: 'utf8',
    });
    for (const file of files.split('\0').filter((name) => name && existsSync(join(repository, name)))) {
        mkdirSync(dirname(join(copy, file)), { recursive: true });
        cpSync(join(repository, file), join(copy, file));
    }
    mkdirSync(join(copy, 'node_modules'));
    for (const name of readdirSync(join(repository, 'node_modules'))) {
        const target = name === 'sosise' ? join(copy, 'packages/sosise') : join(repository, 'node_modules', name);
        symlinkSync(target, join(copy, 'node_modules', name));
    }
}

function mutate(target) {
    const room = ROOMS[target];
    const roomOfFile = Object.values(ROOMS).find((each) => target.startsWith(`${each.folder}/`));
    const mutated = `${sources}/${target}`;
    const tests = options.tests.length > 0 ? options.tests : (room ?? roomOfFile)?.tests;
    if (!tests) {
        throw new Error(`"${target}" is neither a room (${Object.keys(ROOMS).join(', ')}) nor a file of one.`);
    }
    const name = options.name ?? target.replaceAll(/[/:]/g, '-');
    const report = join(folder, 'reports', name);
    const cwd = join(copy, 'packages/sosise');
    writeFileSync(
        join(cwd, 'vitest.mutate.config.js'),
        `import { BaseSequencer } from 'vitest/node';
import { keptThreads } from './scripts/keptThreads.js';
import fast from './vitest.config.ts';
const include = ${JSON.stringify(tests.map((test) => `${BUNDLES}/${test}.test.js`))};
const place = ({ moduleId }) => include.findIndex((name) => moduleId.endsWith(name));
class InOrder extends BaseSequencer {
    async sort(files) {
        return [...files].sort((one, other) => place(one) - place(other));
    }
}
export default {
    plugins: [keptThreads],
    test: {
        ...fast.test,
        include,
        reporters: [{}],
        exclude: [],
        testTimeout: 30_000, // what waits for ever is found out sooner
        sequence: { sequencer: InOrder },
        server: { deps: { external: [/\\/${BUNDLES}\\/chunks\\//] } },
    },
};
`,
    );
    const config = {
        plugins: [join(tools, '@stryker-mutator/vitest-runner/dist/src/index.js')],
        testRunner: 'vitest',
        vitest: { configFile: 'vitest.mutate.config.js', related: false },
        buildCommand: `node scripts/mutate.js bundle ${tests.join(' ')}`,
        coverageAnalysis: 'perTest',
        mutate: options.survivors ? survivorsIn(options.survivors) : room ? sampleOf(room.folder) : [mutated],
        ignoreStatic: !options.static,
        inPlace: true,
        tempDirName: join(folder, 'temp'),
        concurrency: Number(options.concurrency),
        timeoutMS: 6_000,
        timeoutFactor: 1,
        reporters: ['clear-text', 'progress-append-only', 'json', 'html', 'event-recorder'],
        eventReporter: { baseDir: `${report}-events` },
        clearTextReporter: { logTests: false, reportTests: false, reportMutants: false },
        jsonReporter: { fileName: `${report}.json` },
        htmlReporter: { fileName: `${report}.html` },
        disableTypeChecks: false,
        allowEmpty: true,
    };
    writeFileSync(join(cwd, 'stryker.config.json'), JSON.stringify(config));
    const stryker = join(tools, '@stryker-mutator/core/bin/stryker.js');
    const { status } = spawnSync('nice', ['-n', '5', process.execPath, stryker, 'run', 'stryker.config.json'], {
        cwd,
        stdio: 'inherit',
    });
    process.exitCode ||= status ?? 1;
}

/** Called in the copy, where Stryker has changed the sources. */
async function bundle(tests) {
    const { rolldown } = await import('rolldown');
    const made = await rolldown({
        platform: 'node',
        input: Object.fromEntries(tests.map((test) => [`${test}.test`, join(process.cwd(), `tests/${test}.test.ts`)])),
        external: (name) => !name.startsWith('.') && !isAbsolute(name) && !/^sosise(?:\/|$)/.test(name),
        plugins: [
            {
                name: 'where the sources are',
                transform: (code, file) =>
                    code
                        .replaceAll("each(['file', 'memory'])", "each(['memory'])") // the rooms do not know which it is
                        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(file).href)),
            },
        ],
    });
    await made.write({
        dir: BUNDLES,
        entryFileNames: '[name].js',
        chunkFileNames: 'chunks/[name]-[hash].js',
        // In the bundle of a test, a module that is loaded later would find the test's own modules, and load that again.
        codeSplitting: { groups: [{ name: 'rest', test: (file) => !file.endsWith('.test.ts') }] },
    });
}

/** All of a room; with --every=N, of each N pieces of its files one. What is longer than a piece is left out then. */
function sampleOf(room) {
    const every = Number(options.every);
    if (every === 1) {
        return [`${sources}/${room}/**/*.ts`];
    }
    return readdirSync(join(repository, 'packages/sosise', sources, room)).flatMap((file) => {
        const lines = readFileSync(join(repository, 'packages/sosise', sources, room, file), 'utf8').split('\n').length;
        const pieces = Array.from(
            { length: Math.ceil(lines / (PIECE * every)) },
            (_, index) => index * PIECE * every + 1,
        );
        return pieces.map((start) => `${sources}/${room}/${file}:${start}-${start + PIECE - 1}`);
    });
}

/** The places of what survived, or was not covered, in an earlier report. */
function survivorsIn(file) {
    const { files } = JSON.parse(readFileSync(file, 'utf8'));
    return Object.entries(files).flatMap(([name, { mutants }]) =>
        mutants
            .filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
            .map(({ location: { start, end } }) =>
                [name, `${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`].join(':'),
            ),
    );
}
