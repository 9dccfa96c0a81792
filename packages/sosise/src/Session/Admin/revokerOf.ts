import type { Request } from 'express';
import { fingerprintOf } from '../Record/storageKeys.js';
import type { RevokeOptions } from '../Repository/Tombstones.js';
import { sessionOf } from '../Request/requestSessions.js';

/** What a request that revokes sessions is told by: its user, its session and where it came from. */
export function revokerOf(request: Request | undefined): Pick<RevokeOptions, 'origin' | 'by'> {
    const session = request && sessionOf(request);
    return session
        ? {
              origin: session,
              by: {
                  by: 'request',
                  byUser: session.loggedIn?.user,
                  byFingerprint: session.loaded && fingerprintOf(session.storedKey),
              },
          }
        : {};
}
