import type { Outcome, SessionPromise } from './Outcome.js';
import { isOurs, type System } from './System.js';

/** The table promise × system, the losses in words, and the sums. */
export function report(
    promises: readonly SessionPromise[],
    systems: readonly System[],
    outcomeOf: (promise: SessionPromise, system: System) => Outcome | undefined,
    seconds: number,
): string {
    const header = ['lost / rounds', ...systems.map(({ name }) => name)];
    const rows = promises.map((promise) => [
        promise.name,
        ...systems.map((system) => cell(promise, system, outcomeOf(promise, system))),
    ]);
    const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0)));
    const line = (row: readonly string[]) => `| ${row.map((text, at) => text.padEnd(widths[at] ?? 0)).join(' | ')} |`;
    const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
    const lines = ['', line(header), rule, ...rows.map(line), ''];

    let rounds = 0;
    let kills = 0;
    for (const promise of promises) {
        for (const system of systems) {
            const outcome = outcomeOf(promise, system);
            for (const example of outcome?.examples.slice(0, isOurs(system) ? undefined : 1) ?? []) {
                lines.push(`${isOurs(system) ? 'LOST  ' : 'loses '}  ${system.name}: ${promise.name}: ${example}`);
            }
            if (outcome?.skipped) {
                lines.push(`SKIPPED ${system.name}: ${promise.name}: ${outcome.skipped}`);
            }
            if (isOurs(system)) {
                rounds += outcome?.rounds ?? 0;
                kills += outcome?.kills ?? 0;
            }
        }
    }
    lines.push('', `${rounds} rounds and ${kills} kills on this skeleton, in ${seconds} s.`);
    return lines.join('\n');
}

function cell(promise: SessionPromise, system: System, outcome: Outcome | undefined): string {
    const without = promise.without?.(system);
    if (without !== undefined) {
        return `– (${without})`;
    }
    if (!outcome || outcome.skipped) {
        return 'skipped';
    }
    return `${outcome.losses} / ${outcome.rounds}`;
}
