import type { SendCommand } from '../Session/Stores/Redis/Connection/RedisLink.js';
import { sizeOf } from '../Support/words.js';
import { type Check, ok, warning } from './Check.js';
import { infoOf, settingOf } from './redisInfo.js';

type Info = Readonly<Record<string, string>>;

const NEARLY_FULL = 0.9;

/** What a Redis server is set up to do with sessions: keep them, evict them, or forget them when it restarts. */
export async function redisServerChecks(ask: SendCommand): Promise<Check[]> {
    const [memory, persistence] = await Promise.all(['memory', 'persistence'].map((section) => infoOf(ask, section)));
    if (!memory || !persistence) {
        return [ok('Redis memory', 'The server could not be asked for its settings: this user may not use INFO.')];
    }
    return [memoryOf(memory), await persistenceOf(persistence, ask)];
}

function memoryOf({ maxmemory = '', maxmemory_policy: policy = '', used_memory: used = '' }: Info): Check {
    const name = 'Redis memory';
    const limit = Number(maxmemory);
    if (maxmemory === '' || policy === '') {
        return ok(name, 'The server does not tell its memory limit.');
    }
    if (limit === 0) {
        return ok(
            name,
            `${sizeOf(Number(used))} are used, and there is no limit (maxmemory 0): no session is evicted.`,
        );
    }
    const filled = `${sizeOf(Number(used))} of ${sizeOf(limit)} are used, and maxmemory-policy is ${policy}`;
    if (policy === 'noeviction') {
        return Number(used) > limit * NEARLY_FULL
            ? warning(
                  name,
                  `${filled}: it is nearly full, and then no session can begin.`,
                  'Raise maxmemory on the server, or find out what fills it.',
              )
            : ok(name, `${filled}: no session is evicted.`);
    }
    // Every session has an end, so volatile-* takes them as well.
    const evicts =
        policy === 'volatile-ttl'
            ? 'when it is full, the sessions that end soonest go first'
            : 'when it is full, sessions are dropped, and their visitors are logged out';
    return policy === 'volatile-ttl'
        ? ok(name, `${filled}: ${evicts}.`)
        : warning(
              name,
              `${filled}: ${evicts}.`,
              'Set maxmemory-policy noeviction on a server for sessions; where it is a cache too, volatile-ttl drops those first that end soonest.',
          );
}

async function persistenceOf(info: Info, ask: SendCommand): Promise<Check> {
    const name = 'Redis on disk';
    if (info['aof_last_write_status'] === 'err' || info['rdb_last_bgsave_status'] === 'err') {
        return warning(
            name,
            'Its last save to the disk failed: it may refuse changes soon.',
            'Make room on the disk of the server, and look at its log.',
        );
    }
    if (info['aof_enabled'] === '1') {
        return ok(name, 'It writes changes to a file as they come (appendonly): a restart ends no session.');
    }
    const save = await settingOf(ask, 'save');
    if (save === undefined) {
        return ok(
            name,
            'appendonly is off; whether it saves now and then could not be asked: this user may not use CONFIG.',
        );
    }
    return save === ''
        ? warning(
              name,
              'It saves nothing: its restart logs everyone out.',
              'Set appendonly yes on the server (CONFIG SET appendonly yes, and in redis.conf).',
          )
        : ok(name, `It saves now and then (save ${save}): its crash loses what changed since.`);
}
