import { html } from '../Http/Pages/html.js';

/** The line of the config that turns sessions on. */
export const LINE_FOR_SESSIONS = html`<figure><figcaption>src/config/session.ts</figcaption>
<pre tabindex="0" aria-label="The line to change"><code><del><span class="sr">Remove: </span>enabled: false,</del><ins><span class="sr">Add: </span>enabled: true,</ins></code></pre></figure>`;
