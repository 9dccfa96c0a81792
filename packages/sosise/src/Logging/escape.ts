// C0 and C1 controls, line and paragraph separators, and the marks that turn text around on a screen.
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** What needs no look at every character's properties: nearly all text. */
const plain = /^[ -~]*$/;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function unicode(character: string): string {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Text on one line, with nothing in it that a terminal would obey: a forged log line stays part of the real one. */
export function escapeText(text: string): string {
    return plain.test(text) ? text : text.replace(unsafe, (character) => short[character] ?? unicode(character));
}

/** The same for JSON text, whose strings may hold such characters as they are; it stays the same JSON. */
export function escapeJson(json: string): string {
    return plain.test(json) ? json : json.replace(unsafe, unicode);
}
