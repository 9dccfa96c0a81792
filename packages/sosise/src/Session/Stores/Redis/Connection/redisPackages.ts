import { optionalImport } from '../../../../Config/optionalImport.js';

/** Throws ConfigError where the packages of the driver are not installed. */
export async function requireRedisPackages(): Promise<void> {
    await optionalImport('Session driver [redis]', 'connect-redis redis', () =>
        Promise.all([import('connect-redis'), import('redis')]),
    );
}
