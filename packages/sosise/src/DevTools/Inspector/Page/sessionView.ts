import { type Html, html } from '../../../Http/Pages/html.js';
import type { LiveRecord } from '../../../Session/Record/SessionRecord.js';
import { durationOf } from '../../../Support/words.js';
import { LINE_FOR_SESSIONS } from '../../../Welcome/lineForSessions.js';
import type { OwnSession } from '../OwnSession.js';
import { sessionTree } from './tree.js';
import { bytesOf } from './words.js';

/** The session of the browser that looks; undefined: sessions are off. */
export function sessionView(own: OwnSession | undefined): Html {
    if (!own) {
        return sessionsOff();
    }
    const add = html`<button type="button" data-do="edit">Add a key</button>`;
    if (own.kind === 'none') {
        return html`<p>${own.why}</p><p class="buttons">${add}</p>`;
    }
    return html`${facts(own)}${sessionTree(own.data)}
<p class="buttons">${add} <button type="button" data-do="regenerate">Regenerate</button>
<button type="button" data-do="destroy" class="danger">Destroy</button></p>`;
}

function sessionsOff(): Html {
    return html`<p>Sessions are off, so that <code>request.session</code> is undefined. Turn them on, and this page shows them:</p>
${LINE_FOR_SESSIONS}`;
}

function facts({ fingerprint, record, bytes, idleEnd, absoluteEnd }: Extract<OwnSession, { kind: 'live' }>): Html {
    const rows: [string, Html | string][] = [
        ['Fingerprint', html`<code>${fingerprint}</code>`],
        [
            'User',
            record.login
                ? html`<strong>${record.login.user}</strong>`
                : html`<span class="soft">nobody is logged in</span>`,
        ],
        ['Ends, if idle, in', timeUntil(idleEnd)],
        ['Ends at the latest in', Number.isFinite(absoluteEnd) ? timeUntil(absoluteEnd) : 'no limit'],
        ['Cookie', html`<code>${settingsOf(record)}</code>`],
        ['Size', bytesOf(bytes)],
    ];
    return html`<dl class="facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** The page counts it down. */
function timeUntil(time: number): Html {
    return html`<span data-ends="${time}">${new Date(time).toISOString()}</span>`;
}

function settingsOf({ cookie }: LiveRecord): string {
    const { path, domain, httpOnly, secure, sameSite, partitioned, originalMaxAge: maxAge } = cookie;
    const parts = [
        `Path=${path ?? '/'}`,
        domain && `Domain=${domain}`,
        httpOnly !== false && 'HttpOnly',
        secure && (secure === 'auto' ? 'Secure (auto)' : 'Secure'),
        sameSite && `SameSite=${capital(sameSite === true ? 'strict' : sameSite)}`,
        partitioned && 'Partitioned',
        typeof maxAge === 'number' ? `lasts ${durationOf(maxAge)}` : 'until the browser closes',
    ];
    return parts.filter(Boolean).join('; ');
}

function capital(word: string): string {
    return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}
