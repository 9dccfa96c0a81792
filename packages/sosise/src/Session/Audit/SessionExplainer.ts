import { ConfigError } from '../../Exceptions/errors.js';
import { matching, nameOf } from '../Admin/matching.js';
import { parsedOrNothing, type WalkOptions } from '../Drivers/walkRecords.js';
import { lifetimeOf, longestLife } from '../Record/SessionLifetime.js';
import type { RecordKey } from '../Record/storageKeys.js';
import type { FoundSession } from '../Repository/SessionReader.js';
import type { SessionServices } from '../Request/SessionServices.js';
import type { AuditEntry, AuditSource } from './AuditTrail.js';
import { tagsOf } from './auditEntry.js';
import { type Cause, causeOf, type Evidence, type Today } from './causeOf.js';

/** What became of a session, and why. */
export interface Explanation extends Cause {
    readonly fingerprint: string;
    readonly user: string | undefined;
    /** The fingerprint that it has had since a login, or another change of its id: the cause is about that one. */
    readonly since: string | undefined;
}

/** A user's sessions that are explained at once, at most. */
const MOST_OF_USER = 10;
const MOST_STEPS = 100;
const FINGERPRINT_LENGTH = 10;

/** Says why sessions are none any more: from their tombstones, the audit log and the configuration of today. It changes nothing. */
export class SessionExplainer {
    private readonly starts: AuditEntry[] = [];

    public constructor(
        private readonly services: SessionServices,
        private readonly audit: AuditSource,
    ) {}

    /** The session that a fingerprint names, or the beginning of one. Throws ConfigError where there are several. */
    public async ofFingerprint(given: string, options: WalkOptions = {}): Promise<Explanation> {
        const canList = this.isReachable && this.services.repository.canList;
        const found = canList ? await matching(this.services.repository.found(options), given) : undefined;
        const fingerprint = found ? nameOf(found.key) : await this.wholeOf(given);
        return this.explain(fingerprint, found);
    }

    /** A user's latest sessions, the latest first: those of the list in the store, and those that the audit log names. */
    public async ofUser(user: string): Promise<Explanation[]> {
        const keys = this.isReachable ? await this.services.repository.users.keysOf(user) : [];
        const stored = new Map(keys.map((key) => [nameOf(key), key]));
        const entries = await this.entries((entry) => entry.user === user);
        const names = new Set([
            ...entries.flatMap(({ fingerprint = [] }) => fingerprint),
            ...[...stored.keys()].reverse(),
        ]);
        const explained = new Map<string, Explanation>();
        for (const name of names) {
            if (explained.size === MOST_OF_USER) {
                break;
            }
            const explanation = await this.explain(name, await this.read(stored.get(name)));
            // Two ids of one session are one: the last of them is told.
            const last = explanation.since ?? name;
            explained.set(last, explained.get(last) ?? { ...explanation, fingerprint: last, since: undefined, user });
        }
        return [...explained.values()];
    }

    private async explain(fingerprint: string, found: FoundSession | undefined): Promise<Explanation> {
        let name = fingerprint;
        let at = found;
        let entries = await this.entriesOf(name);
        const owners = [ownerOf(found, entries)];
        for (let steps = 0; steps < MOST_STEPS; steps += 1) {
            const next = nextOf(name, at, entries);
            if (next === undefined) {
                break;
            }
            name = next.name;
            at = await this.read(next.key);
            entries = await this.entriesOf(name);
            owners.unshift(ownerOf(at, entries));
        }
        const successor = await this.userAt(at);
        const evidence: Evidence = { fingerprint: name, record: at?.record, entries, successor, starts: this.starts };
        return {
            fingerprint,
            user: owners.find((owner) => owner !== undefined),
            since: name === fingerprint ? undefined : name,
            ...causeOf(evidence, this.today()),
        };
    }

    /** The user of the session that a tombstone names as the one in its place. */
    private async userAt(found: FoundSession | undefined): Promise<string | undefined> {
        const { record } = found ?? {};
        const next = record?.kind === 'ended' ? await this.read(record.to) : undefined;
        return next && ownerOf(next, await this.entriesOf(nameOf(next.key)));
    }

    /** What a process has in memory can't be reached from another. */
    private get isReachable(): boolean {
        return this.services.driver.abilities?.survivesRestart !== false;
    }

    private today(): Today {
        const { repository, settings } = this.services;
        const { max } = settings.registry;
        return {
            idleMs: settings.idleMs,
            absoluteMs: longestLife(lifetimeOf(settings), settings.idleMs),
            max: typeof max === 'number' ? max : undefined,
            driver: settings.driver,
            isSearched: this.isReachable && repository.canList,
            tags: tagsOf(settings.secrets),
            cookieOf: (record) => repository.cookieOf(record),
            audit: { isOn: this.audit.isOn, since: this.audit.trail?.since },
        };
    }

    private async read(key: RecordKey | undefined): Promise<FoundSession | undefined> {
        const { driver, repository } = this.services;
        const stored = key !== undefined && this.isReachable ? await driver.read(key) : undefined;
        const record = stored && parsedOrNothing(stored.record);
        return record && key !== undefined && record.kind !== 'user'
            ? { key, record: repository.asItIs(record), text: stored.record }
            : undefined;
    }

    /** Whose fingerprint begins so, by the audit log. */
    private async wholeOf(given: string): Promise<string> {
        if (given.length === FINGERPRINT_LENGTH) {
            return given;
        }
        const entries = await this.entries(({ fingerprint }) => fingerprint?.startsWith(given) === true, given);
        const names = new Set(entries.map(({ fingerprint }) => fingerprint as string));
        if (names.size > 1) {
            throw new ConfigError(`Several sessions begin with ${given}: say more of the fingerprint.`);
        }
        return [...names][0] ?? given;
    }

    private entriesOf(fingerprint: string): Promise<AuditEntry[]> {
        return this.entries((entry) => entry.fingerprint === fingerprint, fingerprint);
    }

    /** @param text What stands in a line that is wanted. */
    private async entries(isWanted: (entry: AuditEntry) => boolean, text = ''): Promise<AuditEntry[]> {
        const wanted: AuditEntry[] = [];
        const starts: AuditEntry[] = [];
        const isNear = (line: string) => line.includes(text) || line.includes(STARTED);
        for await (const entry of this.audit.trail?.entries(isNear) ?? []) {
            if (entry.event === 'started') {
                starts.push(entry);
            } else if (isWanted(entry)) {
                wanted.push(entry);
            }
        }
        this.starts.splice(0, Number.POSITIVE_INFINITY, ...starts);
        return wanted;
    }
}

const STARTED = '"event":"started"';

function ownerOf(found: FoundSession | undefined, entries: readonly AuditEntry[]): string | undefined {
    const { record } = found ?? {};
    return (record?.kind === 'live' ? record.login?.user : undefined) ?? entries.find(({ user }) => user)?.user;
}

/** Where a session has gone on under another id: by its tombstone, or by the audit log when that is gone. */
function nextOf(
    name: string,
    found: FoundSession | undefined,
    entries: readonly AuditEntry[],
): { name: string; key?: RecordKey } | undefined {
    if (found) {
        const { record } = found;
        return record.kind === 'ended' && record.reason === 'migrated' && record.to !== undefined
            ? { name: nameOf(record.to), key: record.to }
            : undefined;
    }
    const to = entries.find(({ event }) => event === 'migrated')?.to;
    return to === undefined ? undefined : { name: to };
}
