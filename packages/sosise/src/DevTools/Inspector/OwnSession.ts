import type { Request } from 'express';
import { DamagedRecordError } from '../../Session/Record/DamagedRecordError.js';
import { parseRecord } from '../../Session/Record/parseRecord.js';
import { type EndReason, type LiveRecord } from '../../Session/Record/SessionRecord.js';
import { fingerprintOf } from '../../Session/Record/storageKeys.js';
import type { SessionServices } from '../../Session/Request/SessionServices.js';
import { INSPECTOR_USE } from './StoreUse.js';

/** The session of the browser that looks at the inspector, or why it has none. */
export type OwnSession =
    | {
          readonly kind: 'live';
          readonly fingerprint: string;
          readonly record: LiveRecord;
          readonly data: Readonly<Record<string, unknown>>;
          readonly bytes: number;
          /** In ms since the epoch; the second is Infinity where there is no such limit. */
          readonly idleEnd: number;
          readonly absoluteEnd: number;
      }
    | { readonly kind: 'none'; readonly why: string };

const ENDS: Record<EndReason, string> = {
    destroyed: 'was destroyed',
    regenerated: 'was replaced by a new one (regenerate)',
    migrated: 'has got a new id, whose cookie has not come to this browser',
    revoked: 'was revoked',
    replaced: 'was ended by a newer login of its user (registry.max)',
    idle: 'was idle for too long',
    absolute: 'has lived for as long as any may',
};

/**
 * Reads the session that a request's cookie names, past all that would note or mend something: nothing is touched, moved
 * or set aside by being looked at.
 */
export function ownSession(services: SessionServices, request: Request): Promise<OwnSession> {
    return INSPECTOR_USE.run(async (): Promise<OwnSession> => {
        const carried = services.cookie.carriedBy(request);
        let first: OwnSession | undefined;
        for (const { key } of carried?.ids ?? []) {
            const own = await look(services, key);
            if (own.kind === 'live') {
                return own;
            }
            first ??= own;
        }
        return first ?? { kind: 'none', why: whyNoCookie(services, carried !== undefined) };
    });
}

async function look(services: SessionServices, key: string): Promise<OwnSession> {
    try {
        const stored = await services.driver.read(key);
        return stored
            ? read(services, stored.record, key)
            : {
                  kind: 'none',
                  why: 'The cookie of this browser names no session that is stored: it ended more than a day ago, or the store was emptied.',
              };
    } catch (error) {
        return error instanceof DamagedRecordError
            ? { kind: 'none', why: `What is stored of the session is damaged: ${error.message}.` }
            : { kind: 'none', why: 'The store could not be read: the terminal says why when a request meets it.' };
    }
}

function read(services: SessionServices, text: string, key: string): OwnSession {
    const { lifetime } = services.repository;
    const now = Date.now();
    const record = parseRecord(text, now);
    if (record.kind !== 'live') {
        const how = record.kind === 'ended' ? ENDS[record.reason] : 'is none';
        return { kind: 'none', why: `The session of this browser ${how}.` };
    }
    const end = lifetime.endOf(record);
    if (end.at < now) {
        return { kind: 'none', why: `The session of this browser ${ENDS[end.reason]}.` };
    }
    return {
        kind: 'live',
        fingerprint: fingerprintOf(key),
        record,
        data: record.data,
        bytes: Buffer.byteLength(text),
        idleEnd: lifetime.idleEndOf(record),
        absoluteEnd: lifetime.absoluteEndOf(record),
    };
}

function whyNoCookie({ settings }: SessionServices, isCarried: boolean): string {
    if (isCarried) {
        return 'This browser sent a session cookie that none of the secrets signed: it counts as none.';
    }
    const path = settings.cookie.path ?? '/';
    return path === '/'
        ? 'This browser sent no session cookie: it gets one when a route stores the first key.'
        : `The session cookie is for paths below ${path} (cookie.path in src/config/session.ts): the browser does not send it here.`;
}
