import { randomBytes } from 'node:crypto';

/** The variables that hold the secret that signs, and those that signed before it. */
export const SECRET = 'SESSION_SECRET';
export const PREVIOUS_SECRETS = 'SESSION_PREVIOUS_SECRETS';

/** The fix that messages about a missing or weak secret end with. */
export const SECRET_FIX = 'Run ./artisan key:generate, or set SESSION_SECRET to the output of: openssl rand -base64 32';

const MIN_LENGTH = 32;
/** By the estimate below, 16 random bytes in hex have 111, and 59 at least where 100,000 were tried: none fall to this. */
const MIN_BITS = 48;

/** What secrets of examples are made of; all other English is known by its letters. */
const WORDS =
    /secret|passw[o0]rd|session|change|default|generate|(?:sun|mon|tues|wednes|thurs|fri|satur)?day|winter|spring|summer|autumn|dragon|foot|base|ball|monkey|letmein|quick|brown|fox|jumps|lazy|dog/g;

/** Ways along the alphabet, a keyboard and the digits, those of pi too; they are gone backwards too. */
const WAYS = `
    abcdefghijklmnopqrstuvwxyz 0123456789012 qwertyuiop[] qwertzuiopü asdfghjkl;' zxcvbnm,./ yxcvbnm 14159265358979323846264338
    1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/ !qaz@wsx#edc$rfv%tgb^yhn&ujm*ik<(ol>)p:?
    !qaz2wsx#edc4rfv%tgb6yhn&ujm8ik<(ol>0p;/ zaq12wsxcde34rfvbgt56yhnmju78ik,`;
const ways = `${WAYS}\n${[...WAYS].reverse().join('')}`;

/** The pairs that most of English text is made of, and a seventh of random letters. */
const englishPairs = new Set(
    `th he in er an re nd on en at ou ed ha to or it is hi es ng te ti ar st nt as le ve se al io ro ri ne de co me ll ea
    ic ra ce li ch be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un lo wa ge
    ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh of`.split(/\s+/),
);

/** A secret that nobody guesses, in letters that need no quotes anywhere. */
export function randomSecret(): string {
    return randomBytes(32).toString('base64url');
}

/** A text or bytes, as express-session takes them. */
export type Secret = string | Uint8Array;

/** The secrets of a config value: one or an array of them, in which what is unset or empty is left out. */
export function secretsIn(value: unknown): Secret[] {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.filter(
        (one): one is Secret => (typeof one === 'string' || one instanceof Uint8Array) && one.length > 0,
    );
}

/**
 * Why a secret could be guessed, as the half of a sentence: `is shorter than 32 characters`. Undefined where it could
 * not, as for everything that a generator made of 16 random bytes or more.
 */
export function weaknessOf(given: Secret): string | undefined {
    const secret = typeof given === 'string' ? given : textOf(given);
    if (secret.length < MIN_LENGTH) {
        return `is shorter than ${MIN_LENGTH} characters`;
    }
    const text = secret.toLowerCase();
    const letters = text.replace(/[^\p{L}\p{N}]/gu, '');
    const own = surprises(text.replace(WORDS, ''));
    const isRepeated = /^(.+?)\1+$/s.test(letters);
    return isRepeated || readsLikeEnglish(letters) || own.length * Math.log2(new Set(own).size) < MIN_BITS
        ? 'is made of words or follows a pattern, so that it could be guessed'
        : undefined;
}

/** Bytes that are a text as that, and others in hex: 16 random ones are enough. */
function textOf(bytes: Uint8Array): string {
    const text = Buffer.from(bytes).toString('latin1');
    return /^[ -~]*$/.test(text) ? text : Buffer.from(bytes).toString('hex');
}

/** The characters of a text that what comes before them does not foretell. */
function surprises(text: string): string[] {
    const squeezed = [...text.replace(/(.)\1+/gs, '$1')];
    const seen = new Set<string>();
    return squeezed.filter((_, index) => {
        const triple = squeezed.slice(index - 2, index + 1).join('');
        const foretold = index > 1 && (seen.has(triple) || goesOn(squeezed, index, 1) || goesOn(squeezed, index, 2));
        seen.add(triple);
        return !foretold;
    });
}

/** Whether a character goes on as the two before it went, or as every other one did: c after ab, b after a1. */
function goesOn(text: readonly string[], index: number, step: 1 | 2): boolean {
    const [before, last, now] = [text[index - 2 * step], text[index - step], text[index]];
    return before !== undefined && ways.includes(`${before}${last}${now}`);
}

/** Far more often than chance would have it: of 24 random bytes in base64, about one in a million. */
function readsLikeEnglish(letters: string): boolean {
    const pairs = Array.from(letters.slice(1), (letter, index) => `${letters[index]}${letter}`);
    return pairs.filter((pair) => englishPairs.has(pair)).length > pairs.length / 7 + 2.2 * Math.sqrt(pairs.length);
}
