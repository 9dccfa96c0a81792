import { lifetimeOf, longestLife } from '../Session/Record/SessionLifetime.js';
import { timeInWords } from '../Support/words.js';
import { type Check, ok, warning } from './Check.js';
import type { Examined } from './Examined.js';

const CONFIG = 'src/config/session.ts';

/** When sessions end, who removes them, and whether they are encrypted. */
export function lifetimeChecks(examined: Examined): Check[] {
    return [lifetime(examined), pruning(examined), encryption(examined)];
}

function lifetime({ settings }: Examined): Check {
    const name = 'Lifetime';
    const { cookie, idleMs } = settings;
    const longest = longestLife(lifetimeOf(settings), idleMs);
    const end =
        longest === Number.POSITIVE_INFINITY ? 'however old it is' : `and ${timeInWords(longest)} after its start`;
    const text = `A session ends after ${timeInWords(idleMs)} without a request, ${end}.`;
    if (cookie.expires) {
        return warning(
            name,
            `All cookies end at ${cookie.expires.toISOString()}: nobody has a session after that.`,
            `Use cookie.maxAge in ${CONFIG} instead of cookie.expires.`,
        );
    }
    const promised = Math.max(idleMs, cookie.maxAge ?? 0);
    return promised > longest
        ? warning(
              name,
              `${text} The end comes before the ${timeInWords(promised)} that a visitor may be away.`,
              `Set absolute in ${CONFIG} to more than cookie.maxAge and idle.`,
          )
        : ok(name, text);
}

function pruning({ config, settings, manager }: Examined): Check {
    const name = 'Pruning';
    if (config.driver === 'redis' && manager.isBuiltIn('redis')) {
        return ok(name, 'Redis drops what has expired by itself.');
    }
    return settings.pruneIntervalMs > 0
        ? ok(
              name,
              `What has expired is removed every ${timeInWords(settings.pruneIntervalMs)} while the application runs.`,
          )
        : warning(
              name,
              'It is off: sessions that have expired stay where they are stored.',
              `Take ${config.driver === 'file' && config.drivers.file?.reapInterval !== undefined ? 'drivers.file.reapInterval' : 'pruneIntervalMs: 0'} out of ${CONFIG}.`,
          );
}

function encryption({ settings }: Examined): Check {
    return ok(
        'Encryption',
        settings.encrypts
            ? 'On: who reads the store reads no session.'
            : 'Off: who can read the store can read what sessions hold.',
    );
}
