import { type Check, ok, warning } from './Check.js';
import { cookieChecks } from './cookieChecks.js';
import { driverChecks } from './driverChecks.js';
import type { Examined } from './Examined.js';
import { lifetimeChecks } from './lifetimeChecks.js';
import { looked } from './looked.js';
import { secretChecks } from './secretChecks.js';

/** How long all looks at one driver may take, in ms. The drivers are looked at beside each other. */
const DRIVER_MS = 5_000;

/** Whether sessions will work with this config, on this machine. Never throws: what fails is what there is to tell. */
export async function examine(examined: Examined): Promise<Check[]> {
    const { config } = examined;
    const groups = [
        looked('Sessions', () => [enabled(examined), ...application(examined)]),
        looked('Secret', () => secretChecks(examined)),
        looked('Session cookie', () => cookieChecks(examined)),
        looked('Lifetime', () => lifetimeChecks(examined)),
        looked(`Driver [${config.driver}]`, () => driverChecks(config.driver, examined), DRIVER_MS),
        ...config.fallback.map((name) => looked(`Fallback [${name}]`, () => fallback(name, examined), DRIVER_MS)),
    ];
    return (await Promise.all(groups)).flat();
}

function enabled({ config }: Examined): Check {
    return config.enabled
        ? ok('Sessions', `On, with the driver ${config.driver}.`)
        : warning('Sessions', 'Off: request.session is undefined.', 'Set enabled to true in src/config/session.ts.');
}

function application({ trouble }: Examined): Check[] {
    return trouble
        ? [
              warning(
                  'Application',
                  `It does not start, even without sessions: ${trouble.message}`,
                  'Fix what the sentence names: drivers that your code adds are not known until it starts.',
              ),
          ]
        : [];
}

/** The drivers before have to be there too: start-up opens them all. */
async function fallback(name: string, examined: Examined): Promise<Check[]> {
    const { driver } = examined.config;
    const checks = await driverChecks(name, examined);
    return [
        ok(
            `Fallback [${name}]`,
            `A session that ${driver} does not have is taken from ${name} on first use; ./artisan session:migrate moves the rest.`,
        ),
        ...checks.map((check) => ({ ...check, name: `${check.name} [${name}]` })),
    ];
}
