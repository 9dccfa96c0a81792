import { type Html, html } from '../../../Http/Pages/html.js';
import type { StoredSession } from '../../../Session/Admin/StoredSessions.js';
import { counted, sizeOf } from '../../../Support/words.js';
import type { StoredList } from '../storedList.js';

/** The sessions in the store. `own` is the fingerprint of the browser's that looks. */
export function storedView(list: StoredList | undefined, own: string | undefined): Html {
    if (!list) {
        return html`<p class="soft small">This store can’t list what it holds, so that there are no figures of it.</p>`;
    }
    const others = list.newest.filter(({ fingerprint }) => fingerprint !== own);
    return html`<p class="small">${summaryOf(list)}</p>${
        others.length === 0
            ? html`<p class="soft small">No other browser has a session here.</p>`
            : html`<div class="scroll" tabindex="0" role="region" aria-label="Sessions of other browsers"><table><thead><tr><th scope="col">Session, user</th><th scope="col">Last active, size</th><td></td></tr></thead>
<tbody>${others.map(row)}</tbody></table></div>`
    }`;
}

function summaryOf({ sessions, bytes, smallest, largest, records, isPart }: StoredList): string {
    const found = counted(sessions, 'session');
    const sizes =
        sessions === 0
            ? ''
            : `, ${sizeOf(bytes)} in all, the smallest ${sizeOf(smallest)}, the largest ${sizeOf(largest)}`;
    const whole = records === undefined ? '' : ` of about ${counted(records, 'record')}`;
    return isPart ? `${found}${sizes}. Only a part was looked at${whole}.` : `${found}${sizes}.`;
}

function row({ fingerprint, user, lastSeen, bytes }: StoredSession): Html {
    return html`<tr><td><code>${fingerprint}</code><br>${user ?? html`<span class="soft">a visitor</span>`}</td><td>${when(lastSeen)}<br><span class="soft">${sizeOf(bytes)}</span></td>
<td><button type="button" data-do="revoke" data-name="${fingerprint}" class="danger" aria-label="Revoke ${fingerprint}">Revoke</button></td></tr>`;
}

/** The time of day, and before today the date. */
function when(time: Date): Html {
    const [day, clock] = time.toLocaleString('sv').split(' ');
    const [today] = new Date().toLocaleString('sv').split(' ');
    return html`<span title="${day} ${clock}">${day === today ? clock : day}</span>`;
}
