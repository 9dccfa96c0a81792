import type { Secret } from '../../Config/secrets.js';
import { ConfigError } from '../../Exceptions/errors.js';
import { inTime } from '../../Support/Deadlines.js';
import type { SessionDriver } from '../Drivers/SessionDriver.js';
import { KEY_CHECK } from '../Record/storageKeys.js';
import { EncryptedDriver } from './EncryptedDriver.js';
import { ForeignKeyError, KeyCheck } from './KeyCheck.js';
import { SessionKeys } from './SessionKeys.js';

export interface EncryptionOptions {
    /** The driver's name, for messages. */
    readonly name: string;
    /** The first encrypts, all decrypt. At least one. */
    readonly secrets: readonly Secret[];
    /** Off: what was encrypted before is still decrypted. */
    readonly encrypts: boolean;
    /** How long the store may take, in ms. */
    readonly timeoutMs: number;
    warn(message: string): void;
}

/**
 * Puts encryption in front of a driver. Throws ConfigError where the sessions in it were encrypted with another secret:
 * before any visitor is refused.
 */
export async function openEncrypted(driver: SessionDriver, options: EncryptionOptions): Promise<SessionDriver> {
    const { name, encrypts, timeoutMs, warn } = options;
    if (!encrypts && driver.abilities?.survivesRestart === false) {
        return driver; // it starts empty: there is nothing encrypted in it
    }
    const keys = new SessionKeys(options.secrets);
    const tooLate = () => new Error(`it did not answer within ${timeoutMs} ms.`);
    try {
        return new EncryptedDriver(
            driver,
            keys,
            await inTime(KeyCheck.open(driver, keys, encrypts, warn), timeoutMs, tooLate),
        );
    } catch (cause) {
        if (cause instanceof ForeignKeyError) {
            throw new ConfigError(
                `Session driver [${name}]: its sessions were encrypted with a secret that is not among those of today. Put that secret behind the new one, in SESSION_PREVIOUS_SECRETS (.env). Or, to end them all, delete the record ${KEY_CHECK} in the store: what nobody can read any more is quarantined.`,
                { cause },
            );
        }
        const reason = `Session driver [${name}] can't be asked which secret encrypted its sessions: ${(cause as Error).message}`;
        if (encrypts) {
            throw new ConfigError(
                `${reason} Start its server first, or correct its options in src/config/session.ts.`,
                {
                    cause,
                },
            );
        }
        warn(reason); // as it was without encryption: the store may come up later
        return new EncryptedDriver(driver, keys, KeyCheck.off(driver, keys));
    }
}
