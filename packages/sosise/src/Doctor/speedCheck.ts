import { type Check, ok, warning } from './Check.js';

const SLOW_MS = 20;

/** How fast a server answers. @param text What was found. */
export function speedCheck(name: string, text: string, tookMs: number): Check {
    return tookMs > SLOW_MS
        ? warning(
              name,
              `${text} Every request of a session waits for it twice.`,
              'Use a server that is nearer, or find out what slows it down.',
          )
        : ok(name, text);
}
