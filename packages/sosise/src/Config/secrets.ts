import { randomBytes } from 'node:crypto';

/** The variables that hold the secret that signs, and those that signed before it. */
export const SECRET = 'SESSION_SECRET';
export const PREVIOUS_SECRETS = 'SESSION_PREVIOUS_SECRETS';

/** The fix that messages about a missing or weak secret end with. */
export const SECRET_FIX = 'Run ./artisan key:generate, or set SESSION_SECRET to the output of: openssl rand -base64 32';

const MIN_LENGTH = 32;
/** By the estimate below, 16 random bytes in hex have 111, and 59 at least where 100,000 were tried: none fall to this. */
const MIN_BITS = 48;
/** What a letter of English is worth. */
const ENGLISH_BITS = 1.6;

/** The words that secrets in examples, guides and templates are made of, those of well-known passwords, and of lists. */
const WELL_KNOWN = `
    abc admin anything app application artisan bar battery baz cat change changeit changeme characters char chars cookie
    correct default dev development dog enough enter env example express foo for fox generate generated have hello here
    horse insecure javascript json jumps jwt keep key keyboard laravel least letmein local login long lazy make
    must node not over pass passphrase password passwort placeholder please private production put quick brown random
    replace safe secret secrets secure security server session sessions shhhh should signed signing skeleton some
    something sosise staging staple string strong super supersecret sure test testing that the this token trustno
    typescript use user value very web whatever with work world you your
    baseball batman computer dragon football hunter iloveyou internet master monkey princess shadow sunshine superman welcome
    bitte dieses ein geheim geheimes geheimnis ist mein sehr sicher sicheres lorem ipsum dolor sit amet consectetur adipiscing
    one two three four five six seven eight nine ten eins zwei drei vier sechs sieben acht neun uno dos tres cuatro cinco
    monday tuesday wednesday thursday friday saturday sunday spring summer autumn winter black blue green orange purple
    january february march april may june july august september october november december red white yellow
    14159265358979323846264338 71828182845904523536028747`;

/** How letters are written that are to look like something else. */
const DISGUISED: Readonly<Record<string, string>> = {
    0: 'o',
    1: 'i',
    3: 'e',
    4: 'a',
    5: 's',
    7: 't',
    '@': 'a',
    $: 's',
    '!': 'i',
};

/** Ways along the alphabet, the digits and a keyboard; they are gone backwards too. */
const WAYS = `
    abcdefghijklmnopqrstuvwxyz 01234567890 qwertyuiop[] qwertzuiopü asdfghjkl;' asdfghjklöä zxcvbnm,./ yxcvbnm !@#$%^&*()_+
    1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/ !qaz@wsx#edc$rfv%tgb^yhn&ujm*ik<(ol>)p:? qazwsxedcrfvtgbyhnujmikolp
    !qaz2wsx#edc4rfv%tgb6yhn&ujm8ik<(ol>0p;/ zaq12wsxcde34rfvbgt56yhnmju78ik,`;

/** The pairs that most of English text is made of, and a seventh of random letters. */
const ENGLISH_PAIRS = `
    th he in er an re nd on en at ou ed ha to or it is hi es ng te ti ar st nt as le ve se al io ro ri ne de co me ll ea
    ic ra ce li ch be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un lo wa ge
    ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh of`;

const words = new RegExp(wordsOf(WELL_KNOWN).sort(longestFirst).join('|'), 'g');
const ways = `${WAYS}\n${[...WAYS].reverse().join('')}`;
const englishPairs = new Set(wordsOf(ENGLISH_PAIRS));
const separators = /[^\p{L}\p{N}]/gu;

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
    const text = secret.toLowerCase();
    const own = withoutWords(text);
    if (own !== text && surprises(own.replace(separators, '')).length <= 2) {
        return 'is a well-known value';
    }
    if (secret.length < MIN_LENGTH) {
        return `is shorter than ${MIN_LENGTH} characters`;
    }
    const counted = surprises(own);
    const bitsEach = readsLikeEnglish(text) ? ENGLISH_BITS : Math.log2(new Set(counted).size);
    return counted.length * bitsEach < MIN_BITS || repeated(text).length < MIN_LENGTH
        ? 'is made of words or follows a pattern, so that it could be guessed'
        : undefined;
}

/** Bytes that are a text as that, and others in hex: 16 random ones are enough. */
function textOf(bytes: Uint8Array): string {
    const text = Buffer.from(bytes).toString('latin1');
    return /^[ -~]*$/.test(text) ? text : Buffer.from(bytes).toString('hex');
}

/** What a text says over and over, where it says nothing else: `ab` of `ababab`. The text itself where it does not. */
function repeated(text: string): string {
    return /^(.+?)\1+$/s.exec(text)?.[1] ?? text;
}

/** A text with a NUL in place of the words that everyone tries, as they are and as `p4ssw0rd`. */
function withoutWords(text: string): string {
    const left = text.split('');
    for (const readable of [text, text.replace(/[013457@$!]/g, (sign) => DISGUISED[sign] as string)]) {
        for (const { 0: word, index } of readable.matchAll(words)) {
            left.fill('\0', index, index + word.length);
        }
    }
    return left.join('');
}

/** The characters of a text that what comes before them does not foretell. */
function surprises(text: string): string[] {
    const squeezed = [...text.replace(/(.)\1+/gs, '$1')];
    const seen = new Set<string>();
    return squeezed.filter((character, index) => {
        const triple = squeezed.slice(index - 2, index + 1).join('');
        const foretold = index > 1 && (seen.has(triple) || goesOn(squeezed, index, 1) || goesOn(squeezed, index, 2));
        seen.add(triple);
        return !foretold && character !== '\0';
    });
}

/** Whether a character goes on as the two before it went, or as every other one did: c after ab, b after a1. */
function goesOn(text: readonly string[], index: number, step: 1 | 2): boolean {
    const [before, last, now] = [text[index - 2 * step], text[index - step], text[index]];
    return before !== undefined && ways.includes(`${before}${last}${now}`);
}

function readsLikeEnglish(text: string): boolean {
    const joined = text.replace(separators, '');
    let found = 0;
    for (let index = 1; index < joined.length; index += 1) {
        found += englishPairs.has(joined.slice(index - 1, index + 1)) ? 1 : 0;
    }
    return found > (joined.length - 1) / 2;
}

function wordsOf(text: string): string[] {
    return text.trim().split(/\s+/);
}

function longestFirst(one: string, other: string): number {
    return other.length - one.length;
}
