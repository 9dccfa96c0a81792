import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { isObject } from '../Record/jsonText.js';

/** The algorithms of the specification that sign; its third, `none`, proves nothing. */
export const ALGORITHMS = ['ES256', 'RS256'] as const;
type Algorithm = (typeof ALGORITHMS)[number];

/** A proof by a key of 4096 bits has some 2,400 characters. */
const LONGEST_PROOF = 4_096;
const PROOF = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;
const COORDINATE = /^[\w-]{43}$/;
const ES256_BYTES = 64;
/** 65537, the one that everybody uses: with a small one signatures can be forged more easily. */
const EXPONENT = 'AQAB';
const RSA_BITS = { least: 2_048, most: 4_096 };

/** A proof as it came: what it says, and nothing of that is verified yet. */
export interface DeviceProof {
    readonly algorithm: Algorithm;
    /** The public key that it brings, in registrations. */
    readonly jwk: unknown;
    /** The challenge that it answers. */
    readonly challenge: string;
    readonly audience: unknown;
    readonly signed: Buffer;
    readonly signature: Buffer;
}

/** Reads a DBSC proof, which is a JWT; undefined: it is none. */
export function readProof(text: string): DeviceProof | undefined {
    const [, head = '', claims = '', sign = ''] = (text.length <= LONGEST_PROOF && PROOF.exec(text)) || [];
    const [header, payload] = [jsonIn(head), jsonIn(claims)];
    const signature = bytesIn(sign);
    const algorithm = ALGORITHMS.find((known) => known === header?.alg);
    // `crit` names what a reader has to understand: nothing here does.
    if (!header || !payload || !signature || !algorithm || header.typ !== 'dbsc+jwt' || 'crit' in header) {
        return undefined;
    }
    const { jti: challenge, aud: audience } = payload;
    const signed = Buffer.from(`${head}.${claims}`);
    return typeof challenge === 'string'
        ? { algorithm, jwk: header.jwk, challenge, audience, signed, signature }
        : undefined;
}

/**
 * The key that a registration brings, in the form in which it is stored: the algorithm and the public numbers. Undefined
 * where it is no public key for that algorithm, too weak, or so large that it would cost the server.
 */
export function keyIn({ algorithm, jwk }: DeviceProof): string | undefined {
    if (!isObject(jwk) || 'd' in jwk || 'k' in jwk) {
        return undefined;
    }
    const { kty, crv, x, y, n, e } = jwk as Record<string, unknown>;
    const numbers =
        algorithm === 'ES256'
            ? kty === 'EC' && crv === 'P-256' && isCoordinate(x) && isCoordinate(y) && [x, y]
            : kty === 'RSA' && e === EXPONENT && typeof n === 'string' && bytesIn(n) && [n];
    const text = numbers && [algorithm, ...numbers].join('.');
    return text && publicKey(text) ? text : undefined;
}

/** Whether a proof is signed by a key, in its stored form, and by that key's algorithm: which one is not the proof's to say. */
export function isSignedBy({ algorithm, signed, signature }: DeviceProof, storedKey: string): boolean {
    const key = storedKey.startsWith(`${algorithm}.`) ? publicKey(storedKey) : undefined;
    if (!key) {
        return false;
    }
    return algorithm === 'ES256'
        ? signature.length === ES256_BYTES && verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)
        : verify('sha256', signed, key, signature);
}

/** Undefined: OpenSSL does not take it, as a point that is not on the curve. */
function publicKey(storedKey: string): KeyObject | undefined {
    const [algorithm, first, second] = storedKey.split('.');
    const jwk =
        algorithm === 'ES256'
            ? { kty: 'EC', crv: 'P-256', x: first, y: second }
            : { kty: 'RSA', n: first, e: EXPONENT };
    try {
        const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
        const bits = key.asymmetricKeyDetails?.modulusLength;
        return bits === undefined || (bits >= RSA_BITS.least && bits <= RSA_BITS.most) ? key : undefined;
    } catch {
        return undefined;
    }
}

function isCoordinate(value: unknown): boolean {
    return typeof value === 'string' && COORDINATE.test(value) && bytesIn(value) !== undefined;
}

/** Base64url can write the same bytes in several ways: only the one without waste is taken. */
function bytesIn(text: string): Buffer | undefined {
    const bytes = Buffer.from(text, 'base64url');
    return bytes.toString('base64url') === text ? bytes : undefined;
}

function jsonIn(text: string): Record<string, unknown> | undefined {
    try {
        const value: unknown = JSON.parse(bytesIn(text)?.toString('utf8') ?? '');
        return isObject(value) ? value : undefined;
    } catch {
        return undefined;
    }
}
