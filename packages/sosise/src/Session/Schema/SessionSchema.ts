import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../../Exceptions/errors.js';
import type { Logger } from '../../Logging/Logger.js';
import { isPlainObject } from '../../Support/isPlainObject.js';
import type { StandardIssue, StandardResult, StandardSchema } from '../../Support/StandardSchema.js';
import { Throttle } from '../../Support/Throttle.js';
import type { SessionConfig } from '../Config/SessionConfig.js';
import { copyOfPlain } from '../Record/plainData.js';
import { FLASH, type LiveRecord } from '../Record/SessionRecord.js';

type Keys = Record<string, unknown>;

/** Stands for what packages keep in a session beside the keys that the schema names. */
const OF_A_PACKAGE = { 'key-of-a-package': true };

/**
 * Brings what is stored to the form that `schema` of the config describes. What that refuses is not shown, and not lost either:
 * it stays stored until a route sets its key. So processes of an older version, which refuse what newer ones have written, take
 * nothing away from them; nor does a schema that is wrong.
 */
export class SessionSchema {
    private readonly refusals = new Throttle();
    private readonly failures = new Throttle();

    public constructor(
        private readonly schema: StandardSchema,
        private readonly upgrade: SessionConfig['upgrade'],
        private readonly log: Logger,
    ) {
        const { issues } = this.check({});
        if (issues) {
            const named = issues.flatMap(keyOf).join(', ');
            throw wrong(
                `refuses an empty session, as new visitors have: make these optional, or give them defaults: ${named}`,
            );
        }
        if (this.check(OF_A_PACKAGE).issues) {
            throw wrong('refuses keys that it does not name: packages keep some there, so let it ignore or allow them');
        }
        this.checkAsStored(this.defaults());
    }

    /** What a new session shows; it is stored once a route changes something. */
    public defaults(): Keys {
        return copyOf(laidOver({}, this.check({})));
    }

    /** A record in today's form: the same one where it is stored so. */
    public today(record: LiveRecord): LiveRecord {
        record.today ??= this.formOf(record); // kept with what was parsed: each text is checked once
        record.today.today = record.today;
        return record.today;
    }

    private formOf(record: LiveRecord): LiveRecord {
        const entries = Object.entries(record.copy());
        const stored = Object.fromEntries(entries.filter(([key]) => !key.startsWith(FLASH)));
        const result = this.check(stored);
        if (laidOver(stored, result) === stored) {
            return record;
        }
        const keys = result.issues ? this.upgraded(stored) : stored;
        const refused = this.refusedIn(keys);
        const accepted = without(keys, refused);
        const form = laidOver(accepted, this.check(accepted));
        this.checkAsStored(form);
        if (refused.length > 0 && this.refusals.isDue()) {
            this.log.warning(
                'A stored session has keys that schema in src/config/session.ts refuses: no route sees them.',
                { keys: refused },
            );
        }
        const shown = { ...form, ...Object.fromEntries(entries.filter(([key]) => key.startsWith(FLASH))) };
        const { created, seen, login, isAhead, cookie, maxAge, own, mayHoldFlash, life } = record;
        return {
            kind: 'live',
            ...{ created, seen, login, isAhead, cookie, maxAge, own, mayHoldFlash, life },
            data: { ...shown, ...Object.fromEntries(entries.filter(([key]) => refused.includes(key))) },
            shown: refused.length > 0 ? shown : undefined,
            copy: () => copyOf(shown),
            body: undefined, // the next write stores it in today's form
        };
    }

    /** Without the keys that were deleted, and in today's form as far as `upgrade` can bring them there. */
    private upgraded(stored: Keys): Keys {
        const refused = this.refusedIn(stored);
        // `request.session.cart = null` deletes: where the schema has no null for the key, it is gone.
        const nulls = refused.filter((key) => stored[key] === null);
        const keys = without(stored, nulls);
        if (!this.upgrade || nulls.length === refused.length) {
            return keys;
        }
        let changes: unknown;
        try {
            changes = this.upgrade(JSON.parse(JSON.stringify(keys)) as Keys) ?? {};
        } catch (error) {
            if (this.failures.isDue()) {
                // Not its message, which may hold what is in the session.
                const place = error instanceof Error && /^\s+at .*$/m.exec(error.stack ?? '')?.[0].trim();
                const message = 'upgrade in src/config/session.ts failed: the session is taken as it is stored.';
                this.log.warning(message, { error: (error as Partial<Error> | null)?.name, place });
            }
            return keys;
        }
        if (!isPlainObject(changes)) {
            Promise.resolve(changes).catch(() => undefined);
            throw new ConfigError('upgrade in src/config/session.ts has to return an object, or undefined, at once.');
        }
        return JSON.parse(JSON.stringify({ ...keys, ...changes })) as Keys; // as the next request reads it
    }

    /** The keys that the schema refuses: those that its issues name, or, if that does not help, found one by one. */
    private refusedIn(keys: Keys): string[] {
        const named = this.check(keys).issues?.flatMap(keyOf) ?? [];
        if (!this.check(without(keys, named)).issues) {
            return Object.keys(keys).filter((key) => named.includes(key));
        }
        const accepted: Keys = {};
        for (const [key, value] of Object.entries(keys)) {
            accepted[key] = value;
            if (this.check(accepted).issues) {
                delete accepted[key];
            }
        }
        return Object.keys(keys).filter((key) => !Object.hasOwn(accepted, key));
    }

    /** Throws where the schema would refuse, or change, what it gives, once that was stored as JSON. */
    private checkAsStored(form: Keys): void {
        const again = laidOver(form, this.check(JSON.parse(JSON.stringify(form))));
        if (again !== form) {
            const keys = Object.keys({ ...form, ...again }).filter((key) => !isDeepStrictEqual(form[key], again[key]));
            throw wrong(
                `does not accept what it gives (${keys.join(', ')}) once that was stored as JSON: describe what is stored, and let upgrade change old data`,
            );
        }
    }

    private check(keys: Keys): StandardResult<unknown> {
        const result = this.schema['~standard'].validate(keys);
        if (result instanceof Promise) {
            result.catch(() => undefined);
            throw wrong('is asynchronous, and request.session is read at once: take out what it waits for');
        }
        return result;
    }
}

/** What a schema makes of keys; those that it does not give stay. The same ones where it changes nothing. */
function laidOver(keys: Keys, result: StandardResult<unknown>): Keys {
    if (result.issues) {
        return {};
    }
    const changed = Object.entries(result.value as Keys).filter(([key, value]) => !isDeepStrictEqual(value, keys[key]));
    const gone = changed.filter(([, value]) => value === undefined).map(([key]) => key);
    return changed.length === 0 ? keys : without({ ...keys, ...Object.fromEntries(changed) }, gone);
}

/** What is given to a route: a schema may give the same default to all. */
function copyOf(keys: Keys): Keys {
    return copyOfPlain(keys) ?? structuredClone(keys);
}

function without(keys: Keys, names: readonly string[]): Keys {
    return Object.fromEntries(Object.entries(keys).filter(([key]) => !names.includes(key)));
}

/** The key of the session that an issue is about. */
function keyOf({ path }: StandardIssue): string[] {
    const first = path?.[0];
    return first === undefined ? [] : [String(typeof first === 'object' ? first.key : first)];
}

function wrong(what: string): ConfigError {
    return new ConfigError(`src/config/session.ts: schema ${what}.`);
}
