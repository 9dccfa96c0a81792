import { randomBytes } from 'node:crypto';
import type { Kruptein } from 'session-file-store';

const KEPT_KEYS = 1_000;

interface DerivedKey {
    key: Buffer;
    salt: Buffer;
}
type DeriveCallback = (error: unknown, derived?: DerivedKey) => void;
interface KrupteinInside {
    _derive_key?: (secret: unknown, salt: unknown, callback: DeriveCallback) => void;
}

/**
 * kruptein derives a key for every text that it seals or opens, each from a salt of its own: about 40 ms of scrypt
 * that nothing else can run in. Texts sealed here share one salt per process instead (each still has its own random
 * vector), and derived keys are kept, so that it is paid once per process and key. The files stay readable both ways.
 */
export function reuseKeys(kruptein: Kruptein): Kruptein {
    const inside = kruptein as KrupteinInside;
    const derive = inside._derive_key?.bind(kruptein);
    if (!derive) {
        return kruptein; // another version of the package: as slow as it is
    }
    const ownSalt = randomBytes(128);
    const keys = new Map<string, DerivedKey>();
    inside._derive_key = (secret, saltOrCallback, callback) => {
        const isSealing = typeof saltOrCallback === 'function';
        const answer = (isSealing ? saltOrCallback : callback) as DeriveCallback;
        const salt = isSealing ? ownSalt : Buffer.from(saltOrCallback as Uint8Array);
        const name = `${String(secret)}\0${salt.toString('latin1')}`;
        const known = keys.get(name);
        if (known) {
            answer(null, known);
            return;
        }
        derive(secret, salt, (error, derived) => {
            if (!error && derived) {
                keys.set(name, derived);
                if (keys.size > KEPT_KEYS) {
                    keys.delete(keys.keys().next().value as string);
                }
            }
            answer(error, derived);
        });
    };
    return kruptein;
}
