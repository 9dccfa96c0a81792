/** A piece of HTML that may be sent as it is. */
export class Html {
    public constructor(public readonly text: string) {}
}

export type HtmlPart = Html | string | number | false | undefined | readonly HtmlPart[];

const ESCAPES: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
};

/** HTML with values in it, which are escaped unless they are HTML themselves; false and undefined leave nothing. */
export function html(strings: TemplateStringsArray, ...values: HtmlPart[]): Html {
    return new Html(strings.map((string, at) => string + (at < values.length ? textOf(values[at]) : '')).join(''));
}

function textOf(part: HtmlPart): string {
    if (part instanceof Html) {
        return part.text;
    }
    if (part === undefined || part === false) {
        return '';
    }
    return typeof part === 'object' ? part.map(textOf).join('') : escapeHtml(String(part));
}

/** Text that is text in HTML too, also in an attribute that is quoted. */
export function escapeHtml(text: string): string {
    return text.replace(/[&<>"']/g, (character) => ESCAPES[character] as string);
}
