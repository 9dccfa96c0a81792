import { type Html, html } from '../../Http/Pages/html.js';
import { http } from '../../Support/http.js';
import type { Failure } from './failures.js';
import type { Fix } from './fixes.js';
import type { Frame } from './frames.js';
import { hideSecrets } from './hideSecrets.js';
import type { FactGroup } from './requestFacts.js';
import type { Source } from './source.js';

export interface ErrorReport {
    /** The error first, then what led to it. */
    readonly failures: readonly Failure[];
    readonly fix: Fix | undefined;
    readonly facts: readonly FactGroup[];
    readonly status: number;
    readonly method: string;
    readonly path: string;
    readonly requestId: string;
    /** Where this visitor finds the session inspector. */
    readonly inspector: string | undefined;
}

const LONGEST_MESSAGE = 4_000;

/** The body of the page, in the order in which it is read: what happened, what mends it, where, why, and to whom. */
export function errorBody(report: ErrorReport): Html {
    const { status, method, path, fix, facts, requestId, inspector } = report;
    const [failure, ...causes] = report.failures;
    return html`<main>
<header>
<p class="where"><span class="pill">${status} ${http.STATUS_CODES[status]}</span> <span class="call"><strong>${method}</strong> ${hideSecrets(path)}</span></p>
<p class="name">${failure?.name}${failure?.code !== undefined && html` <span class="soft">${failure.code}</span>`}</p>
<h1>${headingOf(failure)}</h1>
</header>
${fix && fixCard(fix)}
${failure?.source && sourceCard(failure.source)}
${causes.map(causeCard)}
${failure && stackCard(failure.frames)}
<section class="card"><h2>Request</h2>${facts.map(factList)}
<p class="soft small">Request <code>${requestId}</code>. Values are hidden where they could be secrets.</p></section>
<footer class="soft small"><p id="state" role="status">Shown in development only: others get a plain page, API clients JSON.</p>
${inspector !== undefined && html`<p><a href="${inspector}">Session inspector</a></p>`}</footer>
</main>`;
}

export function headingOf(failure: Failure | undefined): string {
    return shown(failure?.message ?? '') || 'An error without a message';
}

function fixCard({ say, code, file }: Fix): Html {
    return html`<section class="card fix"><h2>What mends it</h2><p>${shown(say)}</p>
${code !== undefined && html`<figure>${file !== undefined && html`<figcaption>${file}</figcaption>`}<pre tabindex="0" aria-label="The line"><code>${code}</code></pre></figure>`}</section>`;
}

function sourceCard({ place, lines }: Source): Html {
    return html`<figure class="source"><figcaption>${place}</figcaption>
<pre tabindex="0" aria-label="Source around line ${lines.find(({ isIt }) => isIt)?.number}"><code>${lines.map(
        ({ number, text, isIt }) =>
            html`<span class="${isIt ? 'line it' : 'line'}"><span class="number">${number}</span>${hideSecrets(text)}
</span>`,
    )}</code></pre></figure>`;
}

function causeCard({ name, code, message, source, frames }: Failure): Html {
    return html`<section class="card cause"><h2>Caused by <span class="name">${name}</span>${code !== undefined && html` <span class="soft">${code}</span>`}</h2>
<p class="message">${shown(message)}</p>
${source && sourceCard(source)}${frames.length > 0 && html`<details><summary>Its stack</summary>${frameList(frames)}</details>`}</section>`;
}

function stackCard(frames: readonly Frame[]): Html | undefined {
    return frames.length === 0
        ? undefined
        : html`<section class="card"><h2>Stack</h2>${groupsOf(frames).map(([own, group]) =>
              own
                  ? frameList(group)
                  : html`<details><summary>${group.length} ${group.length === 1 ? 'call' : 'calls'} of the framework and of packages</summary>${frameList(group)}</details>`,
          )}</section>`;
}

/** Neighbours together that are of one kind. */
function groupsOf(frames: readonly Frame[]): [own: boolean, group: Frame[]][] {
    const groups: [boolean, Frame[]][] = [];
    for (const frame of frames) {
        const last = groups.at(-1);
        if (last?.[0] === frame.own) {
            last[1].push(frame);
        } else {
            groups.push([frame.own, [frame]]);
        }
    }
    return groups;
}

function frameList(frames: readonly Frame[]): Html {
    return html`<ol class="frames">${frames.map(
        ({ call, place }) =>
            html`<li>${hideSecrets(call)} ${place !== '' && html`<span class="soft">${place}</span>`}</li>`,
    )}</ol>`;
}

function factList({ title, facts, otherwise, folded }: FactGroup): Html {
    const list = html`<dl>${facts.map(([name, value]) => html`<div><dt>${hideSecrets(name)}</dt><dd>${value}</dd></div>`)}</dl>`;
    return html`<div class="group"><h3>${title}</h3>${
        facts.length === 0
            ? html`<p class="small">${otherwise}</p>`
            : folded
              ? html`<details><summary>${facts.length} of them</summary>${list}</details>`
              : list
    }</div>`;
}

function shown(message: string): string {
    const text = hideSecrets(message);
    return text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;
}
