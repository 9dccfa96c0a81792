import { createHash, createHmac, randomBytes } from 'node:crypto';
import { sign } from 'cookie-signature';

/** A name for the report, and the Cookie header. */
export type Attempt = readonly [what: string, cookie: string];

export const cookieOf = (value: string) => `sosise=${encodeURIComponent(value)}`;
/** A cookie whose signature is right. */
export const signed = (id: string, secret: string) => cookieOf(`s:${sign(id, secret)}`);

const random = (bytes: number) => randomBytes(bytes).toString('base64url');

/** What those try who know a session's id, and not the secret. */
export function forged(id: string, secret: string): Attempt[] {
    const right = sign(id, secret).slice(id.length + 1);
    const hmac = (algorithm: string, key = secret) =>
        createHmac(algorithm, key).update(id).digest('base64').replace(/=+$/, '');
    const signatures: Attempt[] = [
        ...Array.from({ length: 400 }, (): Attempt => ['a random signature', random(32)]),
        ...Array.from({ length: 43 }, (_, length): Attempt => [`${length} characters of it`, right.slice(0, length)]),
        ...['sha1', 'md5', 'sha224', 'sha384', 'sha512', 'sha3-256'].map((name): Attempt => [name, hmac(name)]),
        ['a hash without a key', createHash('sha256').update(id).digest('base64').replace(/=+$/, '')],
        [
            'a hash of secret and id',
            createHash('sha256')
                .update(secret + id)
                .digest('base64')
                .replace(/=+$/, ''),
        ],
        ['hex', Buffer.from(right, 'base64').toString('hex')],
        ['padded', `${right}=`],
        ['twice', `${right}.${right}`],
        ['with a line end', `${right}\n`],
        ['with a null byte', `${right}\0`],
        ['upper case', right.toUpperCase()],
        ['lower case', right.toLowerCase()],
        ['reversed', [...right].reverse().join('')],
        ...['', '.', 'null', 'undefined', 'true', '0', '[object Object]', 'none', 'alg=none'].map(
            (text): Attempt => [`"${text}"`, text],
        ),
    ];
    const secrets = [
        ...[
            '',
            ' ',
            'secret',
            'keyboard cat',
            'changeme',
            'password',
            'undefined',
            'null',
            'sosise',
            'your-secret-here',
        ],
        ...[secret.slice(1), secret.slice(0, -1), `${secret} `, `${secret}\n`, secret.toLowerCase(), secret + secret],
        ...(['hex', 'base64', 'base64url'] as const).map((encoding) => Buffer.from(secret).toString(encoding)),
        createHash('sha256').update(secret).digest('hex'),
        ...Array.from({ length: 400 }, () => random(32)),
    ];
    const texts = [
        ...[id, `${id}.${right}`, `.${right}`, `${right}.${id}`, `s:`, `s:.`, `s:${id}`, `s:${id}.`, `s:.${right}`],
        ...[`S:${id}.${right}`, `s:s:${id}.${right}`, `s::${id}.${right}`, `s: ${id}.${right}`, `s;${id}.${right}`],
        ...[`s=${id}.${right}`, `x:${id}.${right}`, `s:${id}..${right}`, `s:${id}.${id}.${right}`, `s:${id},${right}`],
        ...[`s%3A${id}.${right}`, `s:${id}%2E${right}`, `\u0000s:${id}.${right}`, `s：${id}.${right}`],
        ...[`j:${JSON.stringify({ id })}`, `j:"${id}"`, `j:["${id}"]`, `j:s:${id}.${right}`, `j:${JSON.stringify(id)}`],
        ...[
            `b:${Buffer.from(id).toString('base64')}`,
            `{"id":"${id}"}`,
            `[object Object]`,
            `e30.${id}.`,
            `eyJhbGciOiJub25lIn0.${id}.`,
        ],
    ];
    const whole = `s:${id}.${right}`;
    const names = [
        'Sosise',
        'SOSISE',
        'sosise[]',
        'sosise[0]',
        '__Host-sosise',
        '__proto__',
        'xsosise',
        'sosise.sig',
        'connect.sid',
        '"sosise"',
    ];
    return [
        ...signatures.map(([what, signature]): Attempt => [`signature: ${what}`, cookieOf(`s:${id}.${signature}`)]),
        ...secrets.map((other): Attempt => [`secret: ${other}`, signed(id, other)]),
        ...texts.map((text): Attempt => [`form: ${text}`, cookieOf(text)]),
        ...names.map((name): Attempt => [`name: ${name}`, `${name}=${encodeURIComponent(whole)}`]),
        ['encoded twice', `sosise=${encodeURIComponent(encodeURIComponent(whole))}`],
        ['half encoded', `sosise=%${encodeURIComponent(whole)}`],
        ['a quote too many', `sosise="${encodeURIComponent(whole)}`],
        ['in the value of another', `other=sosise=${encodeURIComponent(whole)}`],
    ];
}

/** Every character of a right cookie's value replaced, left out, doubled or swapped with the next. */
export function altered(value: string): Attempt[] {
    const attempts: Attempt[] = [];
    const attempt = (what: string, text: string) => {
        // Else it can't be sent, or is the same cookie in other words.
        if (/^[!-~]*$/.test(text) && decoded(text) !== decoded(value)) {
            attempts.push([what, `sosise=${text}`]);
        }
    };
    for (let at = 0; at < value.length; at += 1) {
        const [before, here = '', after] = [value.slice(0, at), value[at], value.slice(at + 1)];
        const flipped = [1, 2, 4, 32].map((bit) => String.fromCharCode(here.charCodeAt(0) ^ bit));
        for (const other of new Set([...flipped, 'A', '0', '_', '.', '%', '='])) {
            attempt(`character ${at} is ${other}`, before + other + after);
        }
        attempt(`without character ${at}`, before + after);
        attempt(`character ${at} twice`, before + here + here + after);
        attempt(`character ${at} and the next swapped`, before + after.slice(0, 1) + here + after.slice(1));
    }
    return attempts;
}

function decoded(text: string): string {
    const [value = ''] = text.split(';');
    try {
        return decodeURIComponent(value.trim().replace(/^"(.*)"$/, '$1'));
    } catch {
        return text;
    }
}
