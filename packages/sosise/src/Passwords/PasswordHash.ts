/** The parameters of scrypt, as hashes name them: `ln` is the logarithm of N. */
export interface ScryptCost {
    readonly ln: number;
    readonly r: number;
    readonly p: number;
}

/** What a stored hash holds. */
export interface PasswordHash extends ScryptCost {
    readonly salt: Buffer;
    readonly key: Buffer;
}

/** The form of PHC strings; base64 without padding. */
const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z\d+/]{11,86})\$([A-Za-z\d+/]{22,86})$/;
/** A hash that somebody has put into the store must not take more memory or time than twice those of today. */
const MOST_BYTES = 2 ** 28;
const MOST_PASSES = 16;

/** `$scrypt$ln=17,r=8,p=1$salt$key`; undefined where a text is no such hash. */
export function parseHash(text: unknown): PasswordHash | undefined {
    const [, ln, r, p, salt = '', key = ''] = (typeof text === 'string' && FORM.exec(text)) || [];
    const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
    return isPossible(cost)
        ? { ...cost, salt: Buffer.from(salt, 'base64'), key: Buffer.from(key, 'base64') }
        : undefined;
}

export function textOf({ ln, r, p, salt, key }: PasswordHash): string {
    return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(salt)}$${unpadded(key)}`;
}

/** Whether scrypt takes these parameters, and how much they cost. */
function isPossible({ ln, r, p }: ScryptCost): boolean {
    const bytes = 128 * 2 ** ln * r;
    return ln >= 1 && ln < 16 * r && p >= 1 && bytes <= MOST_BYTES && bytes * p <= MOST_BYTES * MOST_PASSES;
}

function unpadded(bytes: Buffer): string {
    return bytes.toString('base64').replace(/=+$/, '');
}
