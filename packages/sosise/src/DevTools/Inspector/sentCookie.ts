/** A cookie as it was sent, without its value. */
export interface SentCookie {
    readonly name: string;
    /** `Path=/`, `HttpOnly`, … */
    readonly attributes: readonly string[];
    /** It takes the browser's cookie away. */
    readonly clears: boolean;
}

/** The cookie of a name in a response's Set-Cookie headers; the last one counts, as it does for browsers. */
export function sentCookie(
    header: number | string | readonly string[] | undefined,
    name: string,
): SentCookie | undefined {
    const lines = header === undefined ? [] : [header].flat().map(String);
    const line = lines.findLast((text) => text.startsWith(`${name}=`));
    if (line === undefined) {
        return undefined;
    }
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    return { name, attributes, clears: pair === `${name}=` };
}
