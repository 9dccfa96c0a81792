import { DerivedMac } from '../../Config/DerivedMac.js';
import type { Secret } from '../../Config/secrets.js';
import type { RevokedBy } from '../Events/sessionEvent.js';

/** What a line of the audit channel says, beside its time, level and message: what its event does, under the same names. */
export interface AuditContext extends Partial<RevokedBy> {
    /** The name of a session event, or `started`: the application. */
    readonly event: string;
    readonly fingerprint?: string | undefined;
    /** Of several sessions that are told in one line: how many, and which. */
    readonly count?: number | undefined;
    readonly fingerprints?: readonly (string | undefined)[] | undefined;
    readonly user?: string | undefined;
    readonly reason?: string | undefined;
    /** The fingerprint that the session has from now on. */
    readonly to?: string | undefined;
    /** When the session ended, where that is only seen now. */
    readonly endedAt?: string | undefined;
    readonly requestId?: string | undefined;
    readonly address?: string | undefined;
    /** Of `started`: the driver and those before it, whether its sessions outlive the process, and a tag for each secret, which the first one signs with. */
    readonly driver?: string | undefined;
    readonly fallback?: readonly string[] | undefined;
    readonly survivesRestart?: boolean | undefined;
    readonly signedBy?: readonly string[] | undefined;
}

const TAG_LENGTH = 8;

/** A short name for each secret, which tells whether two are the same and nothing else. The first one signs. */
export function tagsOf(secrets: readonly Secret[]): string[] {
    return secrets.map((secret) => new DerivedMac([secret], 'sosise audit').sign('tag').slice(0, TAG_LENGTH));
}
