import type { SessionDriver } from './SessionDriver.js';

/** No session has this key. */
const NO_SESSION = `sha256-${'0'.repeat(43)}`;

/** Throws where a driver can't read or write sessions now. */
export async function checkDriver(driver: SessionDriver): Promise<void> {
    if (driver.check) {
        await driver.check();
    } else {
        await driver.read(NO_SESSION);
    }
}
