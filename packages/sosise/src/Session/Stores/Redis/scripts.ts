import { createHash } from 'node:crypto';

/** A script, and the name under which the server remembers it. Each touches one key, as a cluster asks for. */
export interface Script {
    readonly text: string;
    readonly sha: string;
}

/** Stores ARGV[2] for ARGV[3] ms if ARGV[1] is what is stored. */
export const WRITE = script(
    "if redis.call('GET',KEYS[1])~=ARGV[1] then return 0 end redis.call('SET',KEYS[1],ARGV[2],'PX',ARGV[3]) return 1",
);
/** The same, by the SHA-1 of what is stored: a large record is not sent twice. */
export const WRITE_LARGE = script(
    "local s=redis.call('GET',KEYS[1]) if not s or redis.sha1hex(s)~=ARGV[1] then return 0 end redis.call('SET',KEYS[1],ARGV[2],'PX',ARGV[3]) return 1",
);
/** Removes what is stored if it is ARGV[1]; also for the release of a lease. */
export const REMOVE = script(
    "if redis.call('GET',KEYS[1])~=ARGV[1] then return 0 end return redis.call('DEL',KEYS[1])",
);
export const REMOVE_LARGE = script(
    "local s=redis.call('GET',KEYS[1]) if not s or redis.sha1hex(s)~=ARGV[1] then return 0 end return redis.call('DEL',KEYS[1])",
);
/** Renews a lease for ARGV[2] ms if it is still ARGV[1]'s. */
export const RENEW = script(
    "if redis.call('GET',KEYS[1])~=ARGV[1] then return 0 end return redis.call('PEXPIRE',KEYS[1],ARGV[2])",
);

function script(text: string): Script {
    return { text, sha: createHash('sha1').update(text).digest('hex') };
}
