import { FLASH, LAST_ACCESS, META } from '../Record/SessionRecord.js';

/** Names that data can't have: the session's methods and properties, and what the record keeps beside the data. */
export const RESERVED_KEYS: ReadonlySet<string> = new Set([
    ...['id', 'req', 'cookie', 'save', 'reload', 'destroy', 'regenerate', 'migrate', 'touch', 'resetMaxAge'],
    ...['__proto__', LAST_ACCESS, META],
]);

/** As `flash()` names what it puts by; any other key that begins so would be taken for it, and be deleted. */
const FLASHED = new RegExp(`^${FLASH}.*:[\\w-]{8}$`, 's');

/** Whether data can't have this name. */
export function isReservedKey(key: string): boolean {
    return RESERVED_KEYS.has(key) || (key.startsWith(FLASH) && !FLASHED.test(key));
}
