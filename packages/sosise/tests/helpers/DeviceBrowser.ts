import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { Browser, type Visit } from './Browser.js';

/** A key of a device, and the public half as proofs carry it. */
export interface DeviceKey {
    readonly alg: 'ES256' | 'RS256';
    readonly privateKey: KeyObject;
    readonly jwk: Record<string, unknown>;
}

export function ellipticKey(namedCurve = 'P-256'): DeviceKey {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
    return { alg: 'ES256', privateKey, jwk: publicKey.export({ format: 'jwk' }) as DeviceKey['jwk'] };
}

export function rsaKey(modulusLength = 2048, publicExponent = 65_537): DeviceKey {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength, publicExponent });
    return { alg: 'RS256', privateKey, jwk: publicKey.export({ format: 'jwk' }) as DeviceKey['jwk'] };
}

type Claims = Record<string, unknown>;

/** A DBSC proof, also a wrong one. */
export function proofBy({ alg, privateKey }: DeviceKey, claims: Claims, header: Claims = {}): string {
    const signed = [{ alg, typ: 'dbsc+jwt', ...header }, claims].map(base64url).join('.');
    const key = alg === 'ES256' ? { key: privateKey, dsaEncoding: 'ieee-p1363' as const } : privateKey;
    return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

/** What a forger makes who has no private key: the public one as the secret of an HMAC, or no signature at all. */
export function forgedProof(alg: string, claims: Claims, secret: string, header: Claims = {}): string {
    const signed = [{ alg, typ: 'dbsc+jwt', ...header }, claims].map(base64url).join('.');
    return `${signed}.${alg === 'none' ? '' : createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

function base64url(value: unknown): string {
    return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** A binding as the browser keeps it. */
export interface BoundSession {
    readonly session_identifier: string;
    readonly refresh_url: string;
    readonly credentials: readonly { name: string; attributes: string }[];
}

/**
 * A browser with device-bound sessions, by the draft: it registers where an answer asks for it, and before a request that would
 * lack the bound cookie it renews that.
 */
export class DeviceBrowser extends Browser {
    public key = ellipticKey();
    public bound: BoundSession | undefined;
    /** The header of the last answer that offered a binding. */
    public offer: { path: string; challenge: string } | undefined;
    /** How often it was renewed. */
    public refreshes = 0;
    private readonly ends = new Map<string, number>();

    /** What a thief of its cookies has: all of them, on a machine without the key. */
    public stolen(url = this.url): DeviceBrowser {
        const thief = new DeviceBrowser(url);
        for (const [name, value] of this.cookies) {
            thief.cookies.set(name, value);
        }
        return thief;
    }

    /** The same device before another server of the application; from now on by itself. */
    public at(url: string): DeviceBrowser {
        const same = this.stolen(url);
        same.key = this.key;
        same.bound = this.bound;
        return same;
    }

    public override async visit(path: string, visit?: Visit): Promise<Response> {
        this.dropExpired();
        const name = this.bound?.credentials[0]?.name;
        if (name !== undefined && !this.cookies.has(name)) {
            await this.refresh();
        }
        const response = await this.plainVisit(path, visit);
        const header = response.headers.get('secure-session-registration');
        if (header !== null) {
            await this.register(header);
        }
        return response;
    }

    /** Without all that, as a browser that can't. */
    public async plainVisit(path: string, visit?: Visit): Promise<Response> {
        const response = await super.visit(path, visit);
        for (const line of response.headers.getSetCookie()) {
            const [, name = '', age = ''] = /^([^=]+)=.*?; Max-Age=(\d+)/.exec(line) ?? [];
            this.ends.set(name, Date.now() + Number(age) * 1000);
        }
        this.dropExpired();
        return response;
    }

    public async register(header: string): Promise<Response> {
        const [, path = '', challenge = ''] = /^\(ES256 RS256\);path="([^"]+)";challenge="([^"]+)"$/.exec(header) ?? [];
        this.offer = { path, challenge };
        const response = await this.prove(path, proofBy(this.key, { jti: challenge }, { jwk: this.key.jwk }));
        if (response.status === 200) {
            this.bound = (await response.json()) as BoundSession;
        }
        return response;
    }

    /** Gives the status: 200 where the cookie was renewed. */
    public async refresh(bound = this.bound as BoundSession): Promise<number> {
        const challenge = await this.challenge(bound);
        if (challenge === undefined) {
            this.bound = undefined;
            return 401;
        }
        const proof = proofBy(this.key, { jti: challenge });
        const { status } = await this.prove(bound.refresh_url, proof, bound.session_identifier);
        this.refreshes += 1;
        if (status === 401) {
            this.bound = undefined;
        }
        return status;
    }

    /** Asks for a challenge; undefined: the server has ended the binding. */
    public async challenge({ refresh_url, session_identifier }: BoundSession): Promise<string | undefined> {
        const headers = { 'sec-secure-session-id': `"${session_identifier}"` };
        const response = await this.plainVisit(refresh_url, { method: 'POST', headers });
        return /^"([^"]+)";id=/.exec(response.headers.get('secure-session-challenge') ?? '')?.[1];
    }

    /** @param id Left out: a registration. */
    public prove(path: string, proof: string, id?: string, others: Record<string, string> = {}): Promise<Response> {
        const headers = {
            'secure-session-response': `"${proof}"`,
            ...(id !== undefined && { 'sec-secure-session-id': `"${id}"` }),
            ...others,
        };
        return this.plainVisit(path, { method: 'POST', headers });
    }

    private dropExpired(): void {
        for (const [name, end] of this.ends) {
            if (Date.now() >= end) {
                this.cookies.delete(name);
                this.ends.delete(name);
            }
        }
    }
}
