import { type Html, html } from '../../../Http/Pages/html.js';
import { redacted } from '../../../Support/secretNames.js';
import { hideSecrets } from '../../ErrorPage/hideSecrets.js';
import { isMasked, shortLabelOf } from '../shownValues.js';

const MOST_VALUES = 1_000;
const MOST_LEVELS = 12;
const LONGEST_TEXT = 500;

/** What is left to be shown: a large session is cut, so that the page stays a page. */
interface Budget {
    values: number;
}

/** The keys of a session, each with its value as a tree that folds, and with its buttons. */
export function sessionTree(data: Readonly<Record<string, unknown>>): Html {
    const budget = { values: MOST_VALUES };
    const keys = Object.keys(data);
    return keys.length === 0
        ? html`<p class="soft small">It is empty.</p>`
        : html`<ul class="tree">${upTo(budget, keys, (key) => html`<li>${branch(key, data[key], key, budget)}${buttons(key)}</li>`)}</ul>`;
}

function buttons(key: string): Html {
    return html`<span><button type="button" data-do="edit" data-name="${key}" aria-label="Change ${shortLabelOf(key)}">Change</button>
<button type="button" data-do="delete" data-name="${key}" aria-label="Delete ${shortLabelOf(key)}">Delete</button></span>`;
}

function branch(name: string, value: unknown, path: string, budget: Budget): Html {
    budget.values -= 1;
    if (isMasked(name, value)) {
        return leaf(name, redacted);
    }
    if (typeof value !== 'object' || value === null) {
        return leaf(name, textOf(value));
    }
    const entries = Object.entries(value);
    const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
    const levels = path.split('\n').length;
    if (entries.length === 0 || levels >= MOST_LEVELS || budget.values <= 0) {
        return leaf(name, entries.length === 0 ? size.replace('0', '') : `${size} …`);
    }
    return html`<details data-path="${path}"${levels < 3 && html` open`}><summary><span class="key">${shortLabelOf(name)}</span> <span class="soft">${size}</span></summary>
<ul>${upTo(budget, entries, ([name, inner]) => html`<li>${branch(name, inner, `${path}\n${name}`, budget)}</li>`)}</ul></details>`;
}

/** Each as an item of a list, as far as the page has room. */
function upTo<T>(budget: Budget, entries: readonly T[], item: (entry: T) => Html): Html[] {
    const shown: Html[] = [];
    for (const entry of entries) {
        if (budget.values <= 0) {
            shown.push(html`<li class="soft">… ${entries.length - shown.length} more</li>`);
            break;
        }
        shown.push(item(entry));
    }
    return shown;
}

function leaf(name: string, text: string): Html {
    return html`<span><span class="key">${shortLabelOf(name)}</span>: ${text}</span>`;
}

function textOf(value: unknown): string {
    const text = hideSecrets(JSON.stringify(value) ?? 'undefined');
    return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}… (${text.length} characters)` : text;
}
