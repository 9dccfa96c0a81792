import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AppName, type AppOptions, AppProcess } from './AppProcess.js';
import { fixed, markdown } from './report.js';
import { median } from './rows.js';

interface Contender extends AppOptions {
    title: string;
    app: AppName;
    /** Asked for until it gives 200. */
    path: string;
}

const CONTENDERS: Contender[] = [
    { title: 'hand-wired, session packages alone', app: 'hand-wired', driver: 'file', path: '/plain' },
    { title: 'hand-wired, all packages', app: 'hand-wired', driver: 'file', path: '/plain', allPackages: true },
    { title: 'ours as shipped, sessions off', app: 'as shipped', driver: 'file', path: '/' },
    { title: 'ours, sessions in files', app: 'ours', driver: 'file', path: '/plain', accessLog: 'log' },
    { title: 'ours, sessions in memory', app: 'ours', driver: 'memory', path: '/plain', accessLog: 'log' },
];

/** Memory is read this long after the first answer, when a start's leftovers have had time to go. */
const SETTLE_MS = 300;

export interface Boot {
    title: string;
    /** From spawn to the first 200, in ms, and resident memory after it, in MB: medians. */
    ms: number;
    megabytes: number | undefined;
}

export interface Install {
    title: string;
    packages: number;
    megabytes: number;
}

/** Starts each app `rounds` times, in turn. */
export async function measureBoot(rounds: number, node: string, say: (text: string) => void): Promise<Boot[]> {
    const starts = CONTENDERS.map(() => ({ ms: [] as number[], megabytes: [] as number[] }));
    for (let round = -1; round < rounds; round += 1) {
        say(`boot: round ${Math.max(1, round + 1)} of ${rounds}`);
        for (const [index, contender] of CONTENDERS.entries()) {
            const { ms, megabytes } = await bootOnce({ ...contender, node });
            if (round >= 0) {
                // the one before only fills the file cache
                starts[index]?.ms.push(ms);
                starts[index]?.megabytes.push(...(megabytes === undefined ? [] : [megabytes]));
            }
        }
    }
    return CONTENDERS.map(({ title }, index) => {
        const { ms, megabytes } = starts[index] as (typeof starts)[number];
        return { title, ms: median(ms), megabytes: megabytes.length > 0 ? median(megabytes) : undefined };
    });
}

/** The second row is what the others are compared with: the same packages without the skeleton. */
export function bootTable(boots: readonly Boot[]): string {
    const base = boots[1];
    return markdown(
        ['app', 'boot to first 200, ms', 'ratio', 'memory after boot, MB', 'ratio'],
        boots.map(({ title, ms, megabytes }) => [
            title,
            fixed(ms, 0),
            fixed(base && ms / base.ms, 2),
            fixed(megabytes, 1),
            fixed(base?.megabytes && megabytes && megabytes / base.megabytes, 2),
        ]),
    );
}

/** Installs the package anew in a temporary folder, with and without what only development needs. */
export function measureInstalls(say: (text: string) => void): Install[] {
    return [
        { title: 'production install', flags: ['--omit=dev'] },
        { title: 'full install', flags: [] },
    ].map(({ title, flags }) => {
        say(title);
        const folder = mkdtempSync(join(tmpdir(), 'sosise-install-'));
        try {
            for (const file of ['package.json', 'package-lock.json']) {
                cpSync(fileURLToPath(new URL(`../../../${file}`, import.meta.url)), join(folder, file));
            }
            execFileSync('npm', ['ci', ...flags, '--no-audit', '--no-fund', '--ignore-scripts'], {
                cwd: folder,
                stdio: 'ignore',
            });
            const list = spawnSync('npm', ['ls', '--all', '--parseable', ...flags], { cwd: folder, encoding: 'utf8' });
            const size = execFileSync('du', ['-sk', 'node_modules'], { cwd: folder, encoding: 'utf8' });
            const packages = new Set(list.stdout.trim().split('\n')).size - 1; // the first is the project itself
            return { title, packages, megabytes: Number.parseInt(size, 10) / 1024 };
        } finally {
            rmSync(folder, { recursive: true, force: true });
        }
    });
}

export function installTable(installs: readonly Install[]): string {
    return markdown(
        ['install', 'packages', 'MB'],
        installs.map(({ title, packages, megabytes }) => [title, String(packages), fixed(megabytes, 1)]),
    );
}

async function bootOnce({ app, path, ...options }: Contender): Promise<{ ms: number; megabytes: number | undefined }> {
    const started = performance.now();
    const running = await AppProcess.start(app, options);
    try {
        await running.ready(path);
        const ms = performance.now() - started;
        await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
        return { ms, megabytes: running.residentMegabytes() };
    } finally {
        await running.stop();
    }
}
