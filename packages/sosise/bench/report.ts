import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import type { AccessLog } from './AppProcess.js';
import { canPin } from './pinning.js';
import { ALL, type Figures, type Row } from './rows.js';
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

const LOGS: Record<AccessLog, string> = {
    log: ', ours with its access log',
    terminal: ', ours with its access log on a terminal',
};

/** What a figure means nothing without. */
export function circumstances(node: string, peers: Record<string, string> = {}): Record<string, string> {
    return {
        date: new Date().toISOString().slice(0, 10),
        machine: `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${canPin ? 'one for the servers' : 'shared by all'}`,
        node: execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim(),
        client: `on node ${process.versions.node}`,
        ...Object.fromEntries(
            [
                'express',
                'express-session',
                'session-file-store',
                'memorystore',
                'connect-redis',
                'redis',
                'connect-pg-simple',
                'pg',
            ].map((name) => [name, versionOf(name)]),
        ),
        ...peers,
    };
}

export function circumstancesLine(of: Record<string, string>): string {
    return Object.entries(of)
        .map(([name, value]) => `${name} ${value}`)
        .join(' · ');
}

/** All rows as one Markdown table. Where a cell has several figures, they are those of hand-wired → ours · the others, in the order of the columns. */
export function rowTable(rows: readonly Row[]): string {
    const names = ALL.filter((name, index) => index < 2 || rows.some(({ results }) => results[name]));
    const others = names.slice(1);
    return markdown(
        [
            'driver',
            'request',
            'hand-wired req/s',
            ...others.map((name) => `${name} (min–max)`),
            'CPU µs',
            'p50 ms',
            'p99 ms (× p50)',
            'max ms',
        ],
        rows.map((row) => {
            const { results } = row;
            const driver = row.processes === 1 ? row.driver : `${row.driver}, ${row.processes} processes`;
            const title = TITLES[row.workload] + (row.accessLog ? LOGS[row.accessLog] : '');
            if (row.void) {
                return [driver, title, `void: ${row.void}`, ...others.map(() => ''), '', '', '', ''];
            }
            const all = (cell: (figures: Figures) => string) => {
                const [first, ...rest] = names.map((name) => (results[name] ? cell(results[name].figures) : '–'));
                return `${first} → ${rest.join(' · ')}`;
            };
            return [
                driver,
                title,
                fixed(results['hand-wired']?.figures.perSecond, 0),
                ...others.map((name) => {
                    if (!results[name]) {
                        return '';
                    }
                    const { median, min, max } = results[name].ratio;
                    const strong = name === 'ours' ? '**' : '';
                    return `${strong}${fixed(median, 2)}${strong} (${fixed(min, 2)}–${fixed(max, 2)})`;
                }),
                all(({ cpu }) => fixed(cpu, 0)),
                all(({ p50 }) => fixed(p50, 2)),
                all(({ p99, p50 }) => `${fixed(p99, 2)} (${fixed(p99 / p50, 1)})`),
                all(({ max }) => fixed(max, 0)),
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
