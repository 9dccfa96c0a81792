import { readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fixed, markdown } from './report.js';
import { type Rounds, type RowPlan, startSubject } from './rows.js';

interface CpuProfile {
    nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
    samples: number[];
    timeDeltas: number[];
}

const SHOWN = 25;

/** Loads our server under the profiler, leaves the .cpuprofile, and gives a table of where the time went. */
export async function profileRow(plan: RowPlan, settings: Rounds): Promise<string> {
    const file = resolve(`${plan.driver}-${plan.workload}.cpuprofile`);
    const subject = await startSubject('ours', plan, settings, { profile: file });
    let requests = 0;
    try {
        for (let round = 0; round <= settings.rounds; round += 1) {
            requests += (await subject.measure(settings.seconds)).requests;
        }
    } finally {
        await subject.stop();
    }
    return `${plan.driver}, ${plan.workload}: ${relative('.', file)} (${requests} requests)\n\n${topTable(file, requests)}`;
}

/** Self time per function, most first: open the file in a browser's developer tools for the tree. */
function topTable(file: string, requests: number): string {
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
    const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
    const times = new Map<string, number>();
    for (const [index, id] of samples.entries()) {
        const name = names.get(id) as string;
        times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
    }
    times.delete('(idle)');
    const total = [...times.values()].reduce((sum, time) => sum + time, 0);
    const line = ([name, time]: [string, number]) => [name, fixed((100 * time) / total, 1), fixed(time / requests, 2)];
    const sorted = [...times].sort((a, b) => b[1] - a[1]);
    const own = sorted.filter(([name]) => name.includes('build/'));
    const ownTime = own.reduce((sum, [, time]) => sum + time, 0);
    const head = ['function', 'self %', 'µs per request'];
    return (
        `${markdown(head, sorted.slice(0, SHOWN).map(line))}\n` +
        markdown(head, [...own.slice(0, SHOWN), ['all of build/', ownTime] as [string, number]].map(line))
    );
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
    if (url === '') {
        return functionName;
    }
    const root = fileURLToPath(new URL('../../..', import.meta.url));
    const path = url.startsWith('file:') ? relative(root, fileURLToPath(url)) : relative(root, url);
    const place = url.startsWith('node:') ? url : path;
    return `${functionName || '(anonymous)'} ${place.replace(/^node_modules\//, '')}:${lineNumber + 1}`;
}
