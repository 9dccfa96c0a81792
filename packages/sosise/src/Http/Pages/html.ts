/** A piece of HTML that may be sent as it is. */
export class Html {
    public constructor(public readonly text: string) {}
}

/** What may stand in `html`. */
export type HtmlPart = Html | string | number | false | null | undefined | readonly HtmlPart[];

const ESCAPES: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
};

/**
 * HTML with values in it: html`<p>Hello ${name}</p>`. They are escaped unless they are HTML themselves; false, null and
 * undefined leave nothing. Quote attributes, and put nothing of a visitor's into scripts, styles or the start of a link.
 */
export function html(strings: TemplateStringsArray, ...values: HtmlPart[]): Html {
    return new Html(strings.map((string, at) => string + (at < values.length ? textOf(values[at]) : '')).join(''));
}

function textOf(part: HtmlPart): string {
    if (part instanceof Html) {
        return part.text;
    }
    if (part === undefined || part === null || part === false) {
        return '';
    }
    return Array.isArray(part) ? part.map(textOf).join('') : escapeHtml(String(part));
}

/** Text that is text in HTML too, also in an attribute that is quoted. */
export function escapeHtml(text: string): string {
    return text.replace(/[&<>"']/g, (character) => ESCAPES[character] as string);
}
