import { type Html, html } from '../../../Http/Pages/html.js';
import type { RequestLog } from '../RequestLog.js';
import type { StoreUse } from '../StoreUse.js';
import { msOf } from './words.js';

/** What all requests since the start asked of the store, and what that spared or cost. */
export function figuresView(total: StoreUse, { outcomes, merges }: RequestLog): Html {
    const { reads, writes, removals, waits } = total.calls;
    const calls = reads + writes + removals;
    const figures: [name: string, value: number | string][] = [
        ['Reads', reads],
        ['Writes', writes],
        ['Time per call', calls === 0 ? '–' : msOf(total.ms / calls)],
        ['New sessions', outcomes.created],
        ['Touches', outcomes.touched],
        ['Skipped touches', outcomes.skipped],
        ['Merges', merges],
        ['Conflicts', total.conflicts],
        ['Waits', waits === 0 ? 0 : `${waits}, ${msOf(total.waitedMs)}`],
    ];
    return html`<dl class="figures">${figures.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
