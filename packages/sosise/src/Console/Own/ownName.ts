import { isBuiltin } from 'node:module';
import { UsageError } from '../UsageError.js';

/** What a package, a cookie and a host's label may all be called. */
const NAME = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/;
/** npm's. */
const LONGEST = 214;
/** Names that npm refuses, and the clone's own, which applications on one host would share. */
const TAKEN = ['node_modules', 'favicon.ico', 'sosise', 'sosise-skeleton'];

/**
 * The name of an application, checked: npm's rules for packages, and those for the session cookie that is named by it.
 * @param packages Those that the application installs: npm refuses to install a package into one of the same name.
 */
export function ownName(given: string, packages: readonly string[]): string {
    if (!NAME.test(given)) {
        throw new UsageError(
            `An application can't be called ${JSON.stringify(given)}, which names its package and its session cookie: use lower-case letters and digits, with . _ or - between them.`,
        );
    }
    if (given.length > LONGEST) {
        throw new UsageError(`The name has ${given.length} characters: a package's has ${LONGEST} at the most.`);
    }
    if (TAKEN.includes(given) || isBuiltin(given) || packages.includes(given)) {
        throw new UsageError(`${given} is the name of something else that Node.js or npm would find: choose another.`);
    }
    return given;
}
