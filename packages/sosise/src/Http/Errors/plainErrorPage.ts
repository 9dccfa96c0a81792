import { http } from '../../Support/http.js';
import { BASE_STYLE } from '../Pages/baseStyle.js';
import { html } from '../Pages/html.js';
import type { Page } from '../Pages/sendPage.js';

export interface PlainError {
    status: number;
    /** What the client may read. */
    message: string;
    /** What was wrong with a form: the messages by field. */
    details?: Readonly<Record<string, readonly string[]>>;
    requestId: string;
    /** How to fix it; in development only. */
    fix?: string | undefined;
}

const STYLE = `${BASE_STYLE}
main{min-height:100vh;display:flex;flex-direction:column;justify-content:center;max-width:38rem}
.status{margin:0;font-size:clamp(4rem,18vw,6.5rem);line-height:1;font-weight:800;letter-spacing:-.05em;color:var(--accent)}
h1{margin:.5rem 0 .75rem}
main>p{font-size:1.075rem;overflow-wrap:anywhere}
footer{margin-top:1.5rem}
`.replaceAll('\n', '');

/** The page that a visitor gets instead of the JSON envelope, and that says no more than it. */
export function plainErrorPage({ status, message, details = {}, requestId, fix }: PlainError): Page {
    const title = http.STATUS_CODES[status] ?? 'Error';
    const points = Object.entries(details).flatMap(([field, messages]) =>
        messages.map((text) => html`<li>${field !== '' && html`<strong>${field}</strong>: `}${text}</li>`),
    );
    const body = html`<main>
<p class="status" aria-hidden="true">${status}</p>
<h1>${title}</h1>
${message !== title && html`<p>${message}</p>`}
${points.length > 0 && html`<ul>${points}</ul>`}
${fix !== undefined && html`<p class="card small">${fix}</p>`}
<footer class="soft small"><p>Should you report this, name the request <code>${requestId}</code></p><a href="/">Start page</a></footer>
</main>`;
    return { title: `${status} ${title}`, style: STYLE, body };
}
