import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, warning } from './Check.js';
import type { Examined } from './Examined.js';

/** Whether a server has what a driver needs: in development, packages of others may stand in for it. Nothing where all is well. */
export function packageCheck(needed: readonly string[], { environment }: Examined): Check[] {
    const installed = productionPackages(join(environment.root, 'package.json'));
    const missing = needed.filter((name) => installed && !installed.has(name));
    return missing.length === 0
        ? []
        : [
              warning(
                  'Packages',
                  `package.json does not install ${missing.join(' and ')} in production.`,
                  `npm install --save-prod ${missing.join(' ')}`,
              ),
          ];
}

/** Undefined: the file can't be read, and start-up says what is missing. */
function productionPackages(file: string): Set<string> | undefined {
    try {
        const { dependencies, optionalDependencies } = JSON.parse(readFileSync(file, 'utf8'));
        return new Set(Object.keys({ ...dependencies, ...optionalDependencies }));
    } catch {
        return undefined;
    }
}
