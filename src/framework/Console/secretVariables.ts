import { join } from 'node:path';
import { changeEnvFile } from '../Config/envFile.js';
import { ConfigError } from '../Exceptions/errors.js';
import { PREVIOUS_SECRETS, SECRET } from '../Session/secrets.js';

/** Whether a variable is set; blank counts as unset. */
export function isFilled(value: string | undefined): value is string {
    return value !== undefined && value.trim() !== '';
}

/** Refuses to write into `.env` what the real environment would win over. */
export function refuseIfSetOutside(command: string): void {
    const name = [SECRET, PREVIOUS_SECRETS].find((variable) => isFilled(process.env[variable]));
    if (name) {
        throw new ConfigError(
            `${name} is set in the real environment, which wins over .env, so nothing was written: run ./artisan ${command} --show, and set what it prints where ${name} is set.`,
        );
    }
}

/** Changes `.env` in one step; an error says that it could not be written, and why. */
export function changeSecrets(root: string, change: (current: Buffer | undefined) => Buffer): void {
    try {
        changeEnvFile(join(root, '.env'), change);
    } catch (error) {
        if (error instanceof ConfigError) {
            throw error;
        }
        const { code, message } = error as NodeJS.ErrnoException;
        throw new ConfigError(
            `.env can't be written (${code ?? message}): give this user the right to write into ${root}, or run the command with --show.`,
            { cause: error },
        );
    }
}
