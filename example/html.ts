/** A piece of HTML that may be sent as it is. */
export type Html = { readonly text: string };

type Part = Html | Html[] | string | number | undefined;

/** HTML from a template. Texts in it are escaped: what visitors typed never becomes HTML. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
    return { text: String.raw({ raw: strings }, ...parts.map(textOf)) };
}

function textOf(part: Part = ''): string {
    if (typeof part === 'object') {
        return 'text' in part ? part.text : part.map(textOf).join('');
    }
    return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
