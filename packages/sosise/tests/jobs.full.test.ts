import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CopiedApp, type RunningApp } from './docs/CopiedApp.js';
import { readDocuments } from './docs/Markdown.js';
import { onPostgres } from './helpers/onPostgres.js';
import { onRedis } from './helpers/onRedis.js';
import { ownTable } from './helpers/ownTable.js';

/** docs/jobs.md, as written there, but for a run every second. */

const project = new URL('../../..', import.meta.url).pathname;
const blocks = readDocuments(project).find(({ name }) => name === 'docs/jobs.md')?.blocks ?? [];

/** How long runs are counted, in ms; JOB_SECONDS=60 for a figure. */
const COUNTED_MS = Number(process.env['JOB_SECONDS'] ?? 5) * 1_000;

/** Says when it begins and ends, and does what files in the folder tell. */
const DIGEST = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { ApplicationKernel, Logger } from 'sosise';

const root = new URL('../../..', import.meta.url).pathname;
const say = (what: string) => appendFileSync(root + 'runs.txt', what + ' ' + process.pid + ' ' + Date.now() + '\\n');

export default class Digest {
    public constructor(private readonly logger: Logger) {}

    public async send(): Promise<void> {
        say('begin');
        if (existsSync(root + 'slow')) {
            await setTimeout(1_600);
        }
        say('end');
        if (existsSync(root + 'broken')) {
            throw new Error('No paper.');
        }
    }
}
`;

interface Said {
    readonly what: string;
    readonly pid: number;
    readonly at: number;
}

class Jobs {
    private readonly copied = new CopiedApp(project);

    public constructor(driver: string, options: object) {
        onTestFinished(() => this.copied.remove());
        for (const block of blocks.filter(({ path }) => path)) {
            this.copied.apply({
                ...block,
                code: block.code.replace("'* * * * *'", "'* * * * * *'").replace('60_000', '1_000'),
            });
        }
        this.copied.write('src/app/Services/Digest.ts', DIGEST);
        this.edit('src/bootstrap/providers.ts', [
            ['import App', "import JobServiceProvider from '../app/Providers/JobServiceProvider.js';\nimport App"],
            ['    AppServiceProvider,', '    JobServiceProvider,\n    AppServiceProvider,'],
        ]);
        this.edit('src/config/session.ts', [
            ['enabled: false', 'enabled: true'],
            ["driver: 'file'", `driver: '${driver}'`],
            ['    drivers: {', `    drivers: {\n        ${driver}: ${JSON.stringify(options)},`],
            ['        file: {},', ''],
        ]);
    }

    public async start(): Promise<RunningApp[]> {
        const apps: RunningApp[] = [await this.copied.start()]; // it makes .env
        apps.push(...(await Promise.all([1, 2, 3].map(() => this.copied.start()))));
        onTestFinished(async () => void (await Promise.allSettled(apps.map((app) => app.stop()))));
        return apps;
    }

    public said(what = '', since = 0): Said[] {
        const file = join(this.copied.folder, 'runs.txt');
        const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
        return lines
            .map((line) => line.split(' '))
            .map(([said = '', pid, at]) => ({ what: said, pid: Number(pid), at: Number(at) }))
            .filter((one) => one.what.includes(what) && one.at >= since);
    }

    public put(name: string): () => void {
        const file = join(this.copied.folder, name);
        writeFileSync(file, '');
        return () => rmSync(file);
    }

    private edit(path: string, changes: [string, string][]): void {
        const file = join(this.copied.folder, path);
        const text = changes.reduce((code, [from, to]) => code.replace(from, () => to), readFileSync(file, 'utf8'));
        writeFileSync(file, text);
    }
}

const secondOf = ({ at }: Said) => Math.floor(at / 1_000);
const ready = async ({ url }: RunningApp) => (await fetch(`${url}/ready`)).status;

async function followed(name: string, options: object): Promise<void> {
    const jobs = new Jobs(name, options);
    const apps = await jobs.start();

    // Each second has one run: without the locks it would have four.
    const since = (Math.floor(Date.now() / 1_000) + 1) * 1_000;
    await expect.poll(() => Date.now() - since, { timeout: 2 * COUNTED_MS + 60_000 }).toBeGreaterThan(COUNTED_MS);
    const runs = jobs.said('begin', since).filter(({ at }) => at < since + COUNTED_MS);
    const seconds = new Set(runs.map(secondOf));
    const processes = new Set(runs.map(({ pid }) => pid));
    const inAll = COUNTED_MS / 1_000;
    console.log(
        `${name}: ${runs.length} runs in ${seconds.size} of ${inAll} seconds, in ${processes.size} of 4 processes`,
    );
    expect(runs.length, 'one may be late').toBeLessThanOrEqual(inAll + 1);
    expect(runs.length, 'a machine that stalls may miss some').toBeGreaterThan(inAll / 2);

    // One that fails shows, where it failed, until another run succeeds.
    const mend = jobs.put('broken');
    await expect.poll(async () => (await Promise.all(apps.map(ready))).includes(503)).toBe(true);
    expect(apps.some((app) => app.output().includes('The digest failed'))).toBe(true);
    mend();
    await expect.poll(async () => Promise.all(apps.map(ready))).toEqual([200, 200, 200, 200]);

    // One that takes longer than its interval never overlaps itself.
    const hasten = jobs.put('slow');
    const slowSince = Date.now();
    await expect.poll(() => jobs.said('end', slowSince + 2_000).length).toBeGreaterThan(1);
    const order = jobs.said('', slowSince).map(({ what }) => what);
    expect(order.some((what, index) => what === 'begin' && order[index + 1] === 'begin')).toBe(false);

    // A process that dies in the midst of one does not keep the others from the next.
    const begun = jobs.said('begin').length;
    await expect.poll(() => jobs.said('begin').length).toBeGreaterThan(begun);
    const { pid, at } = jobs.said('begin').at(-1) as Said;
    process.kill(pid, 'SIGKILL');
    const died = Date.now();
    await expect.poll(() => jobs.said('begin', at + 1).length).toBeGreaterThan(0);
    const next = jobs.said('begin', at + 1)[0] as Said;
    console.log(`${name}: the next run after a kill began ${next.at - died} ms later`);
    expect(next.pid).not.toBe(pid);

    // A stop lets the run under way finish.
    await Promise.allSettled(apps.map((app) => app.stop()));
    const ended = jobs.said();
    expect(ended.at(-1)?.what).toBe('end');
    expect(ended.filter(({ what }) => what === 'begin')).toHaveLength(
        ended.filter(({ what }) => what === 'end').length + 1, // but for the one that was killed
    );
    hasten();
}

test('four processes on the file driver do what docs/jobs.md says', () => followed('file', {}));

await onRedis('four processes on Redis', ({ options }) => {
    test('do what docs/jobs.md says', () => followed('redis', options));
});

await onPostgres('four processes on PostgreSQL', () => {
    test('do what docs/jobs.md says', async () => {
        const { options, drop } = ownTable();
        onTestFinished(drop);
        await followed('database', options);
    });
});
