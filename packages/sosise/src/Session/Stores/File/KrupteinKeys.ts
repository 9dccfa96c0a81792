/// <reference path="../packages.d.ts" preserve="true" />
import { pbkdf2, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import type { Kruptein } from 'session-file-store';

const KEPT_KEYS = 1_000;
const PBKDF2_ROUNDS = 15_000;

interface DerivedKey {
    key: Buffer;
    salt: Buffer;
}
type DeriveCallback = (error: unknown, derived?: DerivedKey) => void;
interface KrupteinInside {
    _derive_key?: (secret: unknown, salt: unknown, callback: DeriveCallback) => void;
    _use_scrypt?: boolean;
    _key_size?: number;
    hashing?: string;
}

/**
 * kruptein derives a key for every text that it encrypts or decrypts, each from a salt of its own: about 40 ms of scrypt
 * that nothing else can run in. The keys of texts to decrypt are derived beside the other work of the process instead, and
 * kept; texts encrypted here share one salt per process (each still has its own random vector). The files stay the same.
 */
export class KrupteinKeys {
    private readonly keys = new Map<string, DerivedKey>();
    private readonly preparing = new Map<string, Promise<void>>();
    private readonly inside: KrupteinInside;

    public constructor(kruptein: Kruptein) {
        this.inside = kruptein as KrupteinInside;
        const derive = this.inside._derive_key?.bind(kruptein);
        if (derive) {
            this.reuse(derive);
        } // else another version of the package: as slow as it is
    }

    /** Derives the key that opening a text with this salt will ask for. */
    public async prepare(secret: unknown, salt: Buffer): Promise<void> {
        const name = nameOf(secret, salt);
        if (typeof secret !== 'string' || this.keys.has(name)) {
            return;
        }
        const preparing = this.preparing.get(name) ?? this.derive(name, secret, salt);
        this.preparing.set(name, preparing);
        await preparing.finally(() => this.preparing.delete(name));
    }

    private async derive(name: string, secret: string, salt: Buffer): Promise<void> {
        const { _use_scrypt: usesScrypt, _key_size: size = 32, hashing = 'sha512' } = this.inside;
        const key = usesScrypt
            ? await promisify<string, Buffer, number, Buffer>(scrypt)(secret, salt, size)
            : await promisify(pbkdf2)(secret, salt, PBKDF2_ROUNDS, size, hashing);
        this.keep(name, { key, salt });
    }

    private reuse(derive: NonNullable<KrupteinInside['_derive_key']>): void {
        const ownSalt = randomBytes(128);
        this.inside._derive_key = (secret, saltOrCallback, callback) => {
            const isEncrypting = typeof saltOrCallback === 'function';
            const answer = (isEncrypting ? saltOrCallback : callback) as DeriveCallback;
            const salt = isEncrypting ? ownSalt : Buffer.from(saltOrCallback as Uint8Array);
            const name = nameOf(secret, salt);
            const known = this.keys.get(name);
            if (known) {
                answer(null, known);
                return;
            }
            derive(secret, salt, (error, derived) => {
                if (!error && derived) {
                    this.keep(name, derived);
                }
                answer(error, derived);
            });
        };
    }

    private keep(name: string, derived: DerivedKey): void {
        this.keys.set(name, derived);
        if (this.keys.size > KEPT_KEYS) {
            this.keys.delete(this.keys.keys().next().value as string);
        }
    }
}

function nameOf(secret: unknown, salt: Buffer): string {
    return `${String(secret)}\0${salt.toString('latin1')}`;
}
