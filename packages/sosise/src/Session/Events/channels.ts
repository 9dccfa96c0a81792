import type { SessionEventChannel } from './SessionEventChannel.js';
import type { RevokedBy, SessionEventName } from './sessionEvent.js';

/** By name; undefined: nobody listens. */
export type Channels = { [Name in SessionEventName]: SessionEventChannel<Name> | undefined };

export interface SessionEventChannels extends Channels {
    /** Whether somebody listens to anything, and does not only count it. */
    isHeard: boolean;
    /** Whose process this is. What the server's has in memory can't be reached from the console. */
    process: RevokedBy;
}

const NONE: Channels = {
    created: undefined,
    loaded: undefined,
    saved: undefined,
    merged: undefined,
    migrated: undefined,
    loggedIn: undefined,
    ended: undefined,
    revoked: undefined,
    refused: undefined,
    unavailable: undefined,
    cookieNotSent: undefined,
};

export const channelNames = Object.keys(NONE) as SessionEventName[];

export function noChannels(): SessionEventChannels {
    return { ...NONE, isHeard: false, process: { by: 'application' } };
}
