import { readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { circumstances, fixed, markdown } from './report.js';
import { type Rounds, type RowPlan, startSubject } from './rows.js';
import { type ProfileNode, SHARE_TITLES, sharesOf } from './shares.js';

interface CpuProfile {
    nodes: ProfileNode[];
    samples: number[];
    timeDeltas: number[];
}

type Frame = ProfileNode['callFrame'];

const SHOWN = 25;
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Loads our server under the profiler, leaves the .cpuprofile, and gives tables of where the time went. */
export async function profileRow(plan: RowPlan, settings: Rounds): Promise<string> {
    const { node } = circumstances(settings.node);
    const title = `${plan.driver}-${plan.workload}${plan.accessLog ? `-${plan.accessLog}` : ''}-node${node}`;
    const file = resolve(`${title}.cpuprofile`);
    const subject = await startSubject('ours', plan, settings, { profile: file });
    let requests = 0;
    try {
        for (let round = 0; round <= settings.rounds; round += 1) {
            requests += (await subject.measure(settings.seconds)).requests;
        }
    } finally {
        await subject.stop();
    }
    return `${title}: ${relative('.', file)} (${requests} requests)\n\n${tables(file, requests)}`;
}

/** Self time per function, most first, and per share: open the file in a browser's developer tools for the tree. */
function tables(file: string, requests: number): string {
    const profile = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
    const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
    const times = timesBy(profile, names);
    const total = [...times.values()].reduce((sum, time) => sum + time, 0);
    const line = ([name, time]: [string, number]) => [name, fixed((100 * time) / total, 1), fixed(time / requests, 2)];
    const sorted = [...times].sort((a, b) => b[1] - a[1]);
    const own = sorted.filter(([name]) => / [A-Z]\w+\//.test(name));
    const shares = timesBy(profile, sharesOf(profile.nodes, placeOf));
    const head = (what: string) => [what, 'self %', 'µs per request'];
    return [
        markdown(head('function'), sorted.slice(0, SHOWN).map(line)),
        markdown(
            head('share'),
            SHARE_TITLES.map((title) => line([title, shares.get(title) ?? 0])),
        ),
        markdown(head('function of ours'), own.slice(0, SHOWN).map(line)),
    ].join('\n');
}

/** Microseconds, summed by what each sample's function is counted to. */
function timesBy({ nodes, samples, timeDeltas }: CpuProfile, of: Map<number, string>): Map<string, number> {
    const idle = new Set(nodes.filter(({ callFrame }) => callFrame.functionName === '(idle)').map(({ id }) => id));
    const times = new Map<string, number>();
    for (const [index, id] of samples.entries()) {
        if (!idle.has(id)) {
            const name = of.get(id) as string;
            times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
        }
    }
    return times;
}

function nameOf(frame: Frame): string {
    return frame.url === '' ? frame.functionName : `${frame.functionName || '(anonymous)'} ${placeOf(frame)}`;
}

/** Where a function is: `node:…`, a package's file, or one of ours as it was before it was bundled. With its line there. */
function placeOf({ url, lineNumber }: Frame): string {
    if (url === '' || url.startsWith('node:')) {
        return `${url}:${lineNumber + 1}`;
    }
    const path = relative(ROOT, url.startsWith('file:') ? fileURLToPath(url) : url);
    if (!path.startsWith('build/framework/')) {
        return `${path.replace(/^(node_modules|packages)\//, '')}:${lineNumber + 1}`;
    }
    const starts = modulesOf(resolve(ROOT, path));
    const start = starts.findLast(({ line }) => line <= lineNumber);
    return start ? `${start.module}:${lineNumber - start.line}` : `Bundle/${path}:${lineNumber + 1}`;
}

const bundles = new Map<string, { line: number; module: string }[]>();

/** The bundler writes a comment with the name of each module above it. */
function modulesOf(file: string): { line: number; module: string }[] {
    const known = bundles.get(file);
    if (known) {
        return known;
    }
    const found = readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((text, line) => {
            const module = /^\/\/ ([\w/]+\.js)$/.exec(text)?.[1];
            return module ? [{ line, module }] : [];
        });
    bundles.set(file, found);
    return found;
}
