import { ConfigError } from '../Exceptions/errors.js';

/**
 * Loads what needs packages that are installed only where somebody chose them. Throws ConfigError with the command that installs them.
 * @param what What needs them, as a sentence begins: `Session driver [redis]`.
 */
export async function optionalImport<T>(what: string, packages: string, load: () => Promise<T>): Promise<T> {
    try {
        return await load();
    } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') {
            throw cause;
        }
        throw new ConfigError(`${what} needs packages that are not installed: npm install ${packages} --save-prod`, {
            errorCode: 'E_PACKAGE_MISSING',
            cause,
        });
    }
}
