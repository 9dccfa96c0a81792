/** The origin that a text names or was meant to name; undefined where there is none, or more than one. */
export function intendedOrigin(text: string): string | undefined {
    const local = /^(localhost|127\.|\[::1\])/.test(text);
    const url = /^[\w+.-]+:\/\//.test(text) ? text : `${local ? 'http' : 'https'}://${text}`;
    if (text.includes('*') || !/^https?:/i.test(url) || !URL.canParse(url)) {
        return undefined;
    }
    return new URL(url).origin;
}
