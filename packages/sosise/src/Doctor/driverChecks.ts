import { toError } from '../Exceptions/thrown.js';
import { sqlitePathOf } from '../Session/Config/databaseUrl.js';
import { driverOptions } from '../Session/Config/settingsOf.js';
import { checkDriver } from '../Session/Drivers/checkDriver.js';
import type { SessionDriver } from '../Session/Drivers/SessionDriver.js';
import { KeyCheck } from '../Session/Sealing/KeyCheck.js';
import { SessionKeys } from '../Session/Sealing/SessionKeys.js';
import { inTime } from '../Support/Deadlines.js';
import { nearest } from '../Support/nearest.js';
import { type Check, ok, problem, warning } from './Check.js';
import type { Examined } from './Examined.js';
import { packageCheck } from './packageCheck.js';

const CONFIG = 'src/config/session.ts';
const OPEN_MS = 1_500;

/** Whether a driver can read and write here, by its name. */
export async function driverChecks(name: string, examined: Examined): Promise<Check[]> {
    const { manager, config, environment } = examined;
    if (!manager.names().includes(name)) {
        return [unknown(name, manager.names())];
    }
    const options = driverOptions(name, config, environment);
    switch (manager.isBuiltIn(name) ? name : 'other') {
        case 'file': {
            const { checks, isReady } = await (await import('./folderChecks.js')).folderChecks(options, examined);
            // Opening it where it is not ready would make the folder, or close it to others: a look changes nothing.
            return isReady ? [...checks, ...(await opened(name, options, examined))] : checks;
        }
        case 'redis': {
            const checks = packageCheck(['connect-redis', 'redis'], examined);
            checks.push(...(await (await import('./redisChecks.js')).redisChecks(options, examined)));
            const isThere = !checks.some(({ status }) => status === 'problem');
            return isThere ? [...checks, ...(await opened(name, options, examined))] : checks;
        }
        case 'database': {
            const given = manager.optionsWith(name, options);
            const checks = sqlitePathOf(given['url']) === undefined ? packageCheck(['pg'], examined) : [];
            const database = await (await import('./databaseChecks.js')).databaseChecks(given, examined);
            checks.push(...database.checks);
            return database.isReady ? [...checks, ...(await opened(name, options, examined))] : checks;
        }
        case 'memory':
            return [...memoryChecks(examined), ...(await opened(name, options, examined))];
        default:
            return opened(name, options, examined);
    }
}

function unknown(name: string, known: readonly string[]): Check {
    const near = nearest(name, known);
    return problem(
        `Driver [${name}]`,
        `There is none of this name: ${near ? `did you mean ${near}?` : `there are ${known.join(', ')}.`}`,
        `Name another in ${CONFIG}, or add it with sessions.extend('${name}', …) in src/app/Providers/AppServiceProvider.ts.`,
    );
}

function memoryChecks({ outside }: Examined): Check[] {
    const several = Number(outside['WEB_CONCURRENCY'] ?? 1) > 1 ? ' WEB_CONCURRENCY asks for several processes.' : '';
    return [
        warning(
            'Memory',
            `Sessions live in the server's process: a restart ends them all, and with several processes visitors would lose theirs from one request to the next, so a worker of node:cluster refuses to start.${several}`,
            `Set driver: 'file', 'redis' or 'database' in ${CONFIG} where sessions have to last.`,
        ),
    ];
}

/** What only the driver itself can say. Nothing where all is well. */
async function opened(name: string, options: Record<string, unknown>, examined: Examined): Promise<Check[]> {
    const title = `Driver [${name}]`;
    const late = () => new Error(`it did not answer within ${OPEN_MS} ms.`);
    const opening = examined.manager.create(name, options);
    try {
        const driver = await inTime(opening, OPEN_MS, late);
        try {
            await inTime(Promise.resolve(checkDriver(driver)), OPEN_MS, late);
            return [...promisesOf(name, driver, examined), ...(await sealedOf(title, driver, examined))];
        } finally {
            await driver.close();
        }
    } catch (error) {
        opening.then((driver) => driver.close()).catch(() => undefined);
        return [
            problem(
                title,
                `It can't be used: ${toError(error).message}`,
                `Correct drivers.${name} in ${CONFIG}, or what it names.`,
            ),
        ];
    }
}

function promisesOf(name: string, { abilities }: SessionDriver, { manager }: Examined): Check[] {
    const { limits, atomicBetweenProcesses } = abilities ?? {};
    if (manager.isBuiltIn(name)) {
        return [];
    }
    return limits !== undefined || atomicBetweenProcesses === false
        ? [
              warning(
                  `Driver [${name}]`,
                  `It can be used. ${limits ?? 'What it promises holds within one process.'}`,
                  `Run one process, or set driver: 'file', 'redis' or 'database' in ${CONFIG}. ./artisan session:test tells more.`,
              ),
          ]
        : [ok(`Driver [${name}]`, 'It can be used.')];
}

/** A start refuses where what is stored was encrypted with a secret that is gone. */
async function sealedOf(title: string, driver: SessionDriver, { settings }: Examined): Promise<Check[]> {
    if (driver.abilities?.survivesRestart === false) {
        return [];
    }
    const found = await KeyCheck.stateIn(driver, new SessionKeys(settings.secrets));
    return found === 'foreign'
        ? [
              problem(
                  title,
                  'Its sessions were encrypted with a secret that is not among those of today.',
                  'Put that secret behind the new one, in SESSION_PREVIOUS_SECRETS (.env).',
              ),
          ]
        : [];
}
