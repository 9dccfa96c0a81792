import { type Html, html } from '../../../Http/Pages/html.js';
import { cookieInWords } from '../../../Session/Record/CookieSettings.js';
import { sizeOf } from '../../../Support/words.js';
import { LINE_FOR_SESSIONS } from '../../../Welcome/lineForSessions.js';
import type { OwnSession } from '../OwnSession.js';
import { sessionTree } from './tree.js';

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
                ? html`<strong>${record.login.user}</strong>${record.login.deviceKey === undefined ? '' : ', bound to a device'}`
                : html`<span class="soft">nobody is logged in</span>`,
        ],
        ['Ends, if idle, in', timeUntil(idleEnd)],
        ['Ends at the latest in', Number.isFinite(absoluteEnd) ? timeUntil(absoluteEnd) : 'no limit'],
        ['Cookie', html`<code>${cookieInWords(record.cookie)}</code>`],
        ['Size', sizeOf(bytes)],
    ];
    return html`<dl class="facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** The page counts it down. */
function timeUntil(time: number): Html {
    return html`<span data-ends="${time}">${new Date(time).toISOString()}</span>`;
}
