import { DerivedMac } from '../../Config/DerivedMac.js';
import type { Secret } from '../../Config/secrets.js';

/** The log's channel for what happens to logins, off until `src/config/logging.ts` names it. */
export const auditChannel = 'audit';

/** What happened, as a line of the audit channel has it in `context.event`. */
export type AuditEvent = 'started' | 'loggedIn' | 'ended' | 'revoked' | 'refused' | 'cookieNotSent';

/** Who revoked a session: a user's request, or somebody at the console. */
export interface RevokedBy {
    /** The user of the request, and the fingerprint of its session. */
    readonly user?: string | undefined;
    readonly fingerprint?: string | undefined;
    /** The account of the system under which `./artisan` ran. */
    readonly console?: string | undefined;
}

/** What a line of the audit channel says, beside its time, level and message. */
export interface AuditContext {
    readonly event: AuditEvent;
    readonly fingerprint?: string | undefined;
    readonly user?: string | undefined;
    readonly reason?: string | undefined;
    readonly by?: RevokedBy | undefined;
    /** The fingerprint of the session before this one, at a login. */
    readonly from?: string | undefined;
    readonly requestId?: string | undefined;
    readonly address?: string | undefined;
    /** Of `started`: the driver, whether its sessions outlive the process, and the secrets' tags. */
    readonly driver?: string | undefined;
    readonly survivesRestart?: boolean | undefined;
    readonly signedBy?: readonly string[] | undefined;
}

const TAG_LENGTH = 8;

/** A short name for each secret, which tells whether two are the same and nothing else. The first one signs. */
export function tagsOf(secrets: readonly Secret[]): string[] {
    return secrets.map((secret) => new DerivedMac([secret], 'sosise audit').sign('tag').slice(0, TAG_LENGTH));
}
