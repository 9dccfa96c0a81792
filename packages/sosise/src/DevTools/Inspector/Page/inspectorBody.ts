import { type Html, html } from '../../../Http/Pages/html.js';

/** What the page shows. The script puts the same parts in again, as they change. */
export interface Parts {
    /** Names this run of the application. */
    readonly run: string;
    readonly last: number;
    /** The fingerprint of the browser's session. */
    readonly own: string;
    readonly session: Html;
    /** Undefined where sessions are off. */
    readonly figures: Html | undefined;
    readonly stored: Html | undefined;
    /** Newest first. */
    readonly rows: readonly Html[];
}

export function inspectorBody({ run, last, own, session, figures, stored, rows }: Parts): Html {
    return html`<main data-run="${run}" data-last="${last}" data-own="${own}">
<header><h1>Session inspector</h1>
<p class="state"><span class="dot" aria-hidden="true"></span><span id="state" role="status">Live</span></p><a href="/" class="small">Start page</a></header>
<div class="columns"><div>
<section class="card"><h2>Your session</h2><div id="session">${session}</div></section>
${
    figures &&
    html`<section class="card"><h2>The store <span class="soft small">since the start</span></h2><div id="figures">${figures}</div></section>
<section class="card"><h2>Stored sessions</h2><div id="stored">${stored}</div>
<p class="buttons"><button type="button" data-do="look">Look again</button></p></section>`
}
</div><div>
<section class="card"><h2>The last requests</h2>
<p id="none" class="soft small"${rows.length > 0 && html` hidden`}>Use the application in another tab: its requests show up here. Static files and health checks never get to a session, and are left out.</p>
<ol id="requests">${rows}</ol></section>
</div></div>
<footer class="soft small">Development only, and from this machine only. Looking changes no session: only the buttons do.</footer>
<dialog id="edit" aria-labelledby="edits"><form><h2 id="edits">Change a key</h2>
<label>Key<input name="key" required maxlength="200" autocomplete="off" spellcheck="false"></label>
<label>Value, as JSON<textarea name="value" required spellcheck="false"></textarea></label>
<p id="wrong" role="alert" class="bad small"></p>
<p class="buttons"><button>Store</button> <button type="button" data-do="close">Cancel</button></p></form></dialog>
<p id="said" role="status"></p>
</main>`;
}
