import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { canPin } from './pinning.js';
import type { Figures, Row } from './rows.js';
import type { WorkloadName } from './Subject.js';

const require = createRequire(import.meta.url);

const TITLES: Record<WorkloadName, string> = {
    none: 'no session',
    read: 'read',
    change: 'change, JSON',
    'change-form': 'change, form',
    new: 'new session, JSON',
    'new-form': 'new session, form',
    unknown: 'unknown but well-signed id, one connection',
};

/** What a figure means nothing without. */
export function circumstances(node: string): Record<string, string> {
    return {
        date: new Date().toISOString().slice(0, 10),
        machine: `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${canPin ? 'one for the servers' : 'shared by all'}`,
        node: execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim(),
        client: `on node ${process.versions.node}`,
        ...Object.fromEntries(
            ['express', 'express-session', 'session-file-store', 'memorystore', 'connect-redis', 'redis'].map(
                (name) => [name, versionOf(name)],
            ),
        ),
    };
}

export function circumstancesLine(node: string): string {
    return Object.entries(circumstances(node))
        .map(([name, value]) => `${name} ${value}`)
        .join(' · ');
}

/** All rows as one Markdown table; an arrow leads from the hand-wired app's figure to ours. */
export function rowTable(rows: readonly Row[]): string {
    return markdown(
        ['driver', 'request', 'hand-wired req/s', 'ours req/s', 'ratio (min–max)', 'CPU µs', 'p50 ms', 'p99 ms'],
        rows.map((row) => {
            const { handWired, ours, ratio } = row;
            const driver = row.processes === 1 ? row.driver : `${row.driver}, ${row.processes} processes`;
            const title = TITLES[row.workload] + (row.accessLog ? ', ours with its access log' : '');
            if (!handWired || !ours || !ratio) {
                return [driver, title, `void: ${row.void}`, '', '', '', '', ''];
            }
            const both = (pick: (figures: Figures) => number | undefined, digits: number) =>
                `${fixed(pick(handWired), digits)} → ${fixed(pick(ours), digits)}`;
            return [
                driver,
                title,
                fixed(handWired.perSecond, 0),
                fixed(ours.perSecond, 0),
                `**${fixed(ratio.median, 2)}** (${fixed(ratio.min, 2)}–${fixed(ratio.max, 2)})`,
                both(({ cpu }) => cpu, 0),
                both(({ p50 }) => p50, 2),
                both(({ p99 }) => p99, 2),
            ];
        }),
    );
}

export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
    const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
    return line(head) + line(head.map((_, index) => (index === 0 ? '---' : '---:'))) + rows.map(line).join('');
}

export function fixed(value: number | undefined, digits: number): string {
    return value === undefined ? '–' : value.toFixed(digits);
}

function versionOf(name: string): string {
    for (const folder of require.resolve.paths(name) ?? []) {
        try {
            return JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')).version as string;
        } catch {}
    }
    return 'not found';
}
