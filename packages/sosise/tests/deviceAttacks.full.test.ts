import { SessionRegistry } from 'sosise';
import { beforeEach, describe, expect, test } from 'vitest';
import {
    type BoundSession,
    DeviceBrowser,
    type DeviceKey,
    ellipticKey,
    forgedProof,
    proofBy,
    rsaKey,
} from './helpers/DeviceBrowser.js';
import { COOKIE, MINUTE_MS, PATH, pass, post } from './helpers/deviceWay.js';
import { deviceRoutes } from './helpers/loginRoutes.js';
import { type SessionApp, SessionManager, sessionApp } from './helpers/sessionApp.js';
import { type Halt, haltFirst, interferedDriver } from './helpers/wrapDriver.js';

let app: SessionApp;
/** The victim, logged in; not bound yet. */
let anna: DeviceBrowser;
let challenge: string;

beforeEach(async () => {
    app = await sessionApp({ session: { deviceBound: true, driver: 'memory' }, routes: deviceRoutes });
    anna = new DeviceBrowser(app.url);
    challenge = offered(await anna.plainVisit('/login', post({ user: 'anna' })));
});

function offered(response: Response): string {
    const header = response.headers.get('secure-session-registration') ?? '';
    return /challenge="([^"]+)"/.exec(header)?.[1] ?? '';
}

async function bind(browser: DeviceBrowser = anna): Promise<BoundSession> {
    const header = `(ES256 RS256);path="${PATH}";challenge="${challenge}"`;
    expect((await browser.register(header)).status).toBe(200);
    return browser.bound as BoundSession;
}

const own = (key: DeviceKey) => ({ jwk: key.jwk });
const ascii = (text: string) => Buffer.from(text).toString('base64url');

describe('a registration is refused', () => {
    const small = rsaKey(1024);
    const wrong: [name: string, proof: (jti: string) => string][] = [
        ['without a signature (alg: none)', (jti) => forgedProof('none', { jti }, '', own(ellipticKey()))],
        ['by an HMAC with the public key (HS256)', (jti) => hmacWith(ellipticKey(), 'HS256', jti)],
        ['by an HMAC that says ES256', (jti) => hmacWith(ellipticKey(), 'ES256', jti)],
        ['by an HMAC that says RS256', (jti) => hmacWith(rsaKey(), 'RS256', jti)],
        ['that names an algorithm of no key (ES512)', (jti) => by(ellipticKey(), { jti }, { alg: 'ES512' })],
        ['by an elliptic key that says RS256', (jti) => by(ellipticKey(), { jti }, { alg: 'RS256' })],
        ['by an RSA key that says ES256', (jti) => by(rsaKey(), { jti }, { alg: 'ES256' })],
        ['by a key on another curve', (jti) => by(ellipticKey('P-384'), { jti })],
        ['by a key of a Bitcoin curve that claims P-256', (jti) => claimed('secp256k1', jti)],
        ['by an RSA key of 1024 bits', (jti) => by(small, { jti })],
        ['by an RSA key with the exponent 3', (jti) => by(rsaKey(2048, 3), { jti })],
        ['by a point that is not on the curve', (jti) => withJwk(jti, { x: ascii('x'.repeat(32)) })],
        ['by coordinates of another length', (jti) => withJwk(jti, { x: 'AQ' })],
        ['with the private key in it', (jti) => withPrivate(jti)],
        ['with a symmetric key in it', (jti) => withJwk(jti, { kty: 'oct', k: 'AAAA' })],
        ['without a key', (jti) => proofBy(ellipticKey(), { jti })],
        ["with another's key", (jti) => proofBy(ellipticKey(), { jti }, own(ellipticKey()))],
        ['without a type', (jti) => by(ellipticKey(), { jti }, { typ: undefined })],
        ['with the type of another JWT', (jti) => by(ellipticKey(), { jti }, { typ: 'JWT' })],
        ['with a critical extension', (jti) => by(ellipticKey(), { jti }, { crit: ['b64'], b64: false })],
        ['without a challenge', () => by(ellipticKey(), {})],
        ['with an empty challenge', () => by(ellipticKey(), { jti: '' })],
        ['with a challenge in a list', (jti) => by(ellipticKey(), { jti: [jti] })],
        ['with a challenge of its own making', () => by(ellipticKey(), { jti: 'kx3.AAAAAAAAAAAAAAAA.x' })],
        ['with a challenge whose time was changed', (jti) => by(ellipticKey(), { jti: `z${jti.slice(1)}` })],
        ['for another audience', (jti) => by(ellipticKey(), { jti, aud: `https://evil.example${PATH}` })],
        ['for another path', (jti) => by(ellipticKey(), { jti, aud: `${app.url}/elsewhere` })],
        ['of more than 4 KB', (jti) => by(ellipticKey(), { jti, more: 'x'.repeat(4_096) })],
        ['with a part too many', (jti) => `${by(ellipticKey(), { jti })}.AAAA`],
        ['with a signature that was cut', (jti) => by(ellipticKey(), { jti }).slice(0, -2)],
        ['with the signature in another encoding (DER)', (jti) => inDer(jti)],
        ['with bytes that changed after the signature', (jti) => changed(jti)],
        ['that is no JSON', () => `${ascii('no')}.${ascii('no')}.AAAA`],
        ['that is nothing', () => ''],
    ];

    test.each(wrong)('%s', async (_name, proof) => {
        const response = await anna.prove(PATH, proof(challenge));
        expect([response.status, response.headers.getSetCookie()]).toEqual([401, []]);
        expect(await anna.json('/bound')).toBe(false);
        await bind(); // what was wrong is that, and nothing else
        expect(await anna.json('/bound')).toBe(true);
    });

    test('with the challenge of another session, or of another login of the same session', async () => {
        const other = new DeviceBrowser(app.url);
        const foreign = offered(await other.plainVisit('/login', post({ user: 'anna' })));
        expect((await anna.prove(PATH, by(anna.key, { jti: foreign }))).status).toBe(401);
        await anna.plainVisit('/login', post({ user: 'anna' }));
        expect((await anna.prove(PATH, by(anna.key, { jti: challenge }))).status).toBe(401);
    });

    test('with a challenge that is older than five minutes', async () => {
        pass(6);
        expect((await anna.prove(PATH, by(anna.key, { jti: challenge }))).status).toBe(401);
    });

    test('by a page of another site, or of another origin', async () => {
        const proof = by(ellipticKey(), { jti: challenge });
        const pages: Record<string, string>[] = [
            { 'sec-fetch-site': 'cross-site' },
            { 'sec-fetch-site': 'same-site' },
            { origin: 'https://evil.example' },
            { origin: 'null' },
        ];
        for (const headers of pages) {
            const response = await anna.prove(PATH, proof, undefined, headers);
            expect(response.status, JSON.stringify(headers)).toBe(401);
        }
        expect(await anna.json('/bound')).toBe(false);
    });

    test('over a binding that there is: a second device can not take its place', async () => {
        await bind();
        const thief = anna.stolen();
        expect((await thief.prove(PATH, by(thief.key, { jti: challenge }))).status).toBe(401);
        expect(await anna.refresh()).toBe(200);
    });

    test('of two at once one is bound, and the other is not', async () => {
        const thief = anna.stolen();
        const responses = await Promise.all(
            [anna, thief].map((browser) => browser.prove(PATH, by(browser.key, { jti: challenge }))),
        );
        expect(responses.map(({ status }) => status).sort()).toEqual([200, 401]);
    });

    test('that another has overtaken between its look and its write, and a renewal likewise', async () => {
        let halt: Halt | undefined;
        const driver = interferedDriver({ write: (id) => halt?.pass(id) });
        const slow = await sessionApp({
            session: { deviceBound: true, driver: 'slow' },
            routes: deviceRoutes,
            boot: (kernel) => kernel.container.make(SessionManager).extend('slow', () => driver),
        });
        const victim = new DeviceBrowser(slow.url);
        const jti = offered(await victim.plainVisit('/login', post({ user: 'anna' })));
        const thief = new DeviceBrowser(slow.url);
        thief.cookies.set('sosise', victim.cookies.get('sosise') ?? '');

        const overtaken = async (late: () => Promise<Response>, first: () => Promise<Response>) => {
            halt = haltFirst();
            const waiting = late();
            await halt.reached;
            const { status } = await first();
            halt.release();
            return [status, (await waiting).status];
        };
        const header = `(ES256 RS256);path="${PATH}";challenge="${jti}"`;
        expect(
            await overtaken(
                () => thief.register(header),
                () => victim.register(header),
            ),
        ).toEqual([200, 401]);
        expect(await victim.json('/bound')).toBe(true);

        const bound = victim.bound as BoundSession;
        const proof = proofBy(victim.key, { jti: await victim.challenge(bound) });
        const renew = () => victim.prove(PATH, proof, bound.session_identifier);
        expect(await overtaken(renew, renew)).toEqual([200, 403]);
    });

    test('without the session, and after its logout', async () => {
        expect((await new DeviceBrowser(app.url).prove(PATH, by(anna.key, { jti: challenge }))).status).toBe(401);
        const copy = anna.stolen();
        await anna.plainVisit('/logout', post());
        expect((await copy.prove(PATH, by(anna.key, { jti: challenge }))).status).toBe(401);
    });
});

describe('a renewal is refused', () => {
    let bound: BoundSession;
    const renew = (browser: DeviceBrowser, proof: string, headers: Record<string, string> = {}) =>
        browser.prove(PATH, proof, bound.session_identifier, headers);

    beforeEach(async () => {
        bound = await bind();
    });

    test('on another machine, which has all cookies and no key', async () => {
        const thief = anna.stolen();
        const jti = (await thief.challenge(bound)) ?? '';
        expect(jti).not.toBe('');
        const proofs = [
            proofBy(thief.key, { jti }),
            proofBy(thief.key, { jti }, own(thief.key)),
            proofBy(thief.key, { jti }, own(anna.key)),
            proofBy(rsaKey(), { jti }),
            forgedProof('none', { jti }, ''),
            forgedProof('HS256', { jti }, JSON.stringify(anna.key.jwk)),
            forgedProof('ES256', { jti }, JSON.stringify(anna.key.jwk)),
            proofBy(anna.key, { jti }, { typ: 'jwt' }),
            proofBy(anna.key, { jti }, { alg: 'RS256' }),
            proofBy(anna.key, { jti, aud: 'https://evil.example/' }),
            'no proof',
        ];
        for (const [index, proof] of proofs.entries()) {
            const response = await renew(thief, proof);
            expect([response.status, response.headers.getSetCookie()], `proof ${index}`).toEqual([401, []]);
        }
    });

    test('when its cookies are of the past, nobody is logged in', async () => {
        const thief = anna.stolen();
        expect(await thief.json('/members'), 'within the ten minutes').toBe('anna');
        pass(12);
        expect((await thief.plainVisit('/members')).status).toBe(401);
        expect((await thief.plainVisit('/vault')).status).toBe(401);
        expect(await anna.json('/members')).toBe('anna');
    });

    test('where a proof is sent once more, also at the same time', async () => {
        const jti = (await anna.challenge(bound)) ?? '';
        const proof = proofBy(anna.key, { jti });
        const statuses = await Promise.all(Array.from({ length: 5 }, async () => (await renew(anna, proof)).status));
        expect(statuses.sort()).toEqual([200, 403, 403, 403, 403]);
        expect((await renew(anna.stolen(), proof)).status).toBe(403);
    });

    test('with a challenge that came before one that was answered, one too old, or of a registration', async () => {
        const [older, newer] = [await anna.challenge(bound), await anna.challenge(bound)];
        expect((await renew(anna, proofBy(anna.key, { jti: newer }))).status).toBe(200);
        expect((await renew(anna, proofBy(anna.key, { jti: older }))).status).toBe(403);
        expect((await renew(anna, proofBy(anna.key, { jti: challenge }))).status).toBe(403);
        const last = await anna.challenge(bound);
        pass(3);
        expect((await renew(anna, proofBy(anna.key, { jti: last }))).status).toBe(403);
        expect(await anna.refresh(), 'a new one').toBe(200);
    });

    test("with another session's challenge, id or key", async () => {
        const other = new DeviceBrowser(app.url);
        await other.visit('/login', post({ user: 'mallory' }));
        const theirs = other.bound as BoundSession;
        const jti = await other.challenge(theirs);
        expect((await renew(anna, proofBy(anna.key, { jti }))).status).toBe(403);
        expect((await anna.prove(PATH, proofBy(anna.key, { jti }), theirs.session_identifier)).status).toBe(401);
        const mine = await anna.challenge(bound);
        expect((await renew(anna, proofBy(other.key, { jti: mine }))).status).toBe(401);
        // The session of the one, the bound cookie of the other.
        const mixed = anna.stolen();
        mixed.cookies.set(COOKIE, other.cookies.get(COOKIE) ?? '');
        expect(await mixed.json('/me')).toMatchObject({ user: null });
    });

    test('after the session was revoked, and after a logout', async () => {
        await app.app.container.make(SessionRegistry).revoke('anna');
        expect(await anna.refresh()).toBe(401);
        expect((await anna.plainVisit('/members')).status).toBe(401);
    });

    test('by a page of another site, and by one of this site that makes up the header of its id', async () => {
        const jti = await anna.challenge(bound);
        const proof = proofBy(anna.key, { jti });
        expect((await renew(anna, proof, { 'sec-fetch-site': 'cross-site' })).status).toBe(401);
        expect((await renew(anna, proof, { origin: 'https://evil.example' })).status).toBe(401);
        expect((await anna.prove(PATH, proof, `${bound.session_identifier}", "x`)).status).toBe(401);
    });
});

describe('a bound session stays bound', () => {
    beforeEach(async () => {
        await bind();
    });

    test('whatever headers and cookies are left out, or made up', async () => {
        const value = anna.cookies.get(COOKIE) ?? '';
        const [time = '', nonce = '', mark = ''] = value.split('.');
        const values = [
            undefined,
            '',
            'x',
            `z${value.slice(1)}`,
            `${(Number.parseInt(time, 36) + MINUTE_MS).toString(36)}.${nonce}.${mark}`,
            `${time}.${nonce}.${mark.slice(0, -1)}${mark.endsWith('A') ? 'E' : 'A'}`,
            `${time}.${nonce}.`,
            challenge,
            (await anna.challenge(anna.bound as BoundSession)) ?? '',
        ];
        for (const wrong of values) {
            const thief = anna.stolen();
            thief.cookies.delete(COOKIE);
            if (wrong !== undefined) {
                thief.cookies.set(COOKIE, wrong);
            }
            const headers = { 'secure-session-skipped': 'unreachable' };
            expect(await thief.json('/me', { headers }), String(wrong)).toMatchObject({ user: null });
            expect((await thief.plainVisit('/members')).status).toBe(401);
        }
    });

    test('who logs in with a stolen cookie as somebody else gets nothing of the session', async () => {
        await anna.visit('/put', post({ secret: 'of anna' }));
        const thief = anna.stolen();
        thief.cookies.delete(COOKIE);
        await thief.plainVisit('/login', post({ user: 'mallory' }));
        expect(await thief.json('/me')).toEqual({ user: 'mallory', data: {}, ended: null });
    });

    test('what is put into the session can not touch the binding', async () => {
        const thief = anna.stolen();
        thief.cookies.delete(COOKIE);
        await thief.plainVisit('/put', post({ login: { user: 'anna' }, binding: 'x', deviceKey: 'x', __sosise: {} }));
        expect(await thief.json('/me')).toMatchObject({ user: null });
        expect(await anna.json('/members')).toBe('anna');
    });
});

function by(key: DeviceKey, claims: Record<string, unknown>, header: Record<string, unknown> = {}): string {
    return proofBy(key, claims, { ...own(key), ...header });
}

function hmacWith(key: DeviceKey, alg: string, jti: string): string {
    return forgedProof(alg, { jti }, JSON.stringify(key.jwk), own(key));
}

function withJwk(jti: string, parts: Record<string, unknown>): string {
    const key = ellipticKey();
    return proofBy(key, { jti }, { jwk: { ...key.jwk, ...parts } });
}

function withPrivate(jti: string): string {
    const key = ellipticKey();
    return proofBy(key, { jti }, { jwk: key.privateKey.export({ format: 'jwk' }) });
}

function claimed(curve: string, jti: string): string {
    const key = ellipticKey(curve);
    return proofBy(key, { jti }, { jwk: { ...key.jwk, crv: 'P-256' } });
}

function inDer(jti: string): string {
    const key = ellipticKey();
    const [head, claims, signature = ''] = by(key, { jti }).split('.');
    return [
        head,
        claims,
        Buffer.concat([Buffer.from('3045', 'hex'), Buffer.from(signature, 'base64url')]).toString('base64url'),
    ].join('.');
}

function changed(jti: string): string {
    const [head, , signature] = by(ellipticKey(), { jti: 'x' }).split('.');
    return [head, ascii(JSON.stringify({ jti })), signature].join('.');
}
