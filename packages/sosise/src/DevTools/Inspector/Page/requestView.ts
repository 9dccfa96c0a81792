import { type Html, html } from '../../../Http/Pages/html.js';
import { counted } from '../../../Support/words.js';
import { hideSecrets } from '../../ErrorPage/hideSecrets.js';
import type { LoggedRequest } from '../RequestLog.js';
import type { Change, Outcome } from '../RequestTrace.js';
import { clockOf, msOf } from './words.js';

/** In the words of the documents. */
const OUTCOMES: Readonly<Record<Outcome, readonly [word: string, explained: string]>> = {
    created: ['new', 'The session was stored for the first time.'],
    saved: ['saved', 'What the request changed was stored before the answer left.'],
    touched: ['touched', 'Nothing changed: only its activity was written down.'],
    skipped: ['skipped', 'Nothing changed, and its activity was written down lately: nothing was written.'],
    none: ['nothing', 'There is no session, and nothing to store.'],
    ended: ['ended', 'The request ended the session.'],
    discarded: ['discarded', 'The session had ended meanwhile: what the request changed was not stored.'],
    failed: ['failed', 'The store could not be read or written, or a value can’t be stored.'],
};

/** What one request did, as an item of the list. */
export function requestView(request: LoggedRequest): Html {
    const { method, path, status, outcome, merged, from, to } = request;
    const [word, explained] = OUTCOMES[outcome];
    const rows: [string, Html | string][] = [
        ['Read', readsOf(request)],
        ['Store', storeOf(request)],
        ['Cookie', cookieOf(request)],
    ];
    return html`<li class="request" data-session="${to ?? from ?? ''}">
<p class="line"><span class="soft">${clockOf(request.at)}</span> <strong>${method}</strong> <span class="path">${hideSecrets(path)}</span>
<span class="whose soft">${sessionsOf(request)}</span>
<span${(status ?? 500) >= 400 && html` class="bad"`}>${status ?? 'no answer'}</span>
<span class="badge ${word}" title="${explained}">${word}${merged && ', merged'}</span></p>
${request.changes.length > 0 && diff(request.changes)}
<dl class="what">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</li>`;
}

function diff(changes: readonly Change[]): Html {
    return html`<div class="diff">${changes.map(
        ({ key, before, after }) => html`${side('del', 'Before', key, before)}${side('ins', 'After', key, after)}`,
    )}</div>`;
}

function side(tag: 'del' | 'ins', when: string, key: string, json: string | undefined): Html | false {
    const text = html`<span class="sr">${when}: </span><span>${key}: ${json ?? ''}</span>`;
    return json !== undefined && (tag === 'del' ? html`<del>${text}</del>` : html`<ins>${text}</ins>`);
}

function readsOf({ looked, reads }: LoggedRequest): string {
    if (reads.length > 0) {
        return reads.join(', ');
    }
    return looked ? 'no stored key, though it looked at the session' : 'nothing: it did not look at the session';
}

function storeOf({ store, ms }: LoggedRequest): string {
    const { calls, waitedMs, conflicts } = store;
    const asked = [
        calls.reads > 0 && counted(calls.reads, 'read'),
        calls.writes > 0 && counted(calls.writes, 'write'),
        calls.removals > 0 && counted(calls.removals, 'removal'),
        conflicts > 0 && `overtaken ${conflicts === 1 ? 'once' : `${conflicts} times`}`,
        calls.waits > 0 && `waited ${msOf(waitedMs)} for its turn`,
    ].filter(Boolean);
    return asked.length === 0 ? 'not asked' : `${msOf(store.ms)} of ${msOf(ms)}: ${asked.join(', ')}`;
}

/** The name that the list of stored sessions has too. */
function sessionsOf({ from, to }: LoggedRequest): string {
    if (from === to) {
        return from ?? 'no session';
    }
    return from === undefined ? `${to} begins` : to === undefined ? `${from} ends` : `${from} → ${to}`;
}

function cookieOf({ cookie }: LoggedRequest): Html | string {
    if (typeof cookie === 'string') {
        return `not sent. ${cookie}`;
    }
    const { name, attributes, clears } = cookie;
    return html`${clears && 'taken away: '}<code>${[`${name}=${clears ? '' : '…'}`, ...attributes].join('; ')}</code>`;
}
