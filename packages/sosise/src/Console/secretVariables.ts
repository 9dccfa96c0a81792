import { join } from 'node:path';
import { parse } from 'dotenv';
import { changeEnvFile, readEnvFile } from '../Config/envFile.js';
import { PREVIOUS_SECRETS, SECRET } from '../Config/secrets.js';
import { fileVariableOf } from '../Config/variable.js';
import { ConfigError } from '../Exceptions/errors.js';
import { CommandError } from './CommandError.js';

/** Whether a variable is set; blank counts as unset. */
export function isFilled(value: string | undefined): value is string {
    return value !== undefined && value.trim() !== '';
}

/** Refuses to write into `.env` what the real environment would win over. */
export function refuseIfSetOutside(command: string, root: string): void {
    const inFile = parse(readEnvFile(join(root, '.env')) ?? '');
    const name = [SECRET, PREVIOUS_SECRETS].find((variable) => isFilled(process.env[variable]));
    const file = [SECRET, PREVIOUS_SECRETS]
        .map(fileVariableOf)
        .find((one) => isFilled(process.env[one] ?? inFile[one]));
    if (name) {
        throw new CommandError(
            `${name} is set in the real environment, which wins over .env, so nothing was written: run ./artisan ${command} --show, and set what it prints where ${name} is set.`,
        );
    }
    if (file) {
        throw new CommandError(
            `${file} names a file that holds the secret, so nothing was written: run ./artisan ${command} --show, and put what it prints into that file.`,
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
        throw new CommandError(
            `.env can't be written (${code ?? message}): give this user the right to write into ${root}, or run the command with --show.`,
            { cause: error },
        );
    }
}
