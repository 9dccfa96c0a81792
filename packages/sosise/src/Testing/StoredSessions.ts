import type { Request } from 'express';
import type { LiveRecord } from '../Session/Record/SessionRecord.js';
import { type ExpressStore } from '../Session/Request/ExpressStore.js';
import { firstAlive } from '../Session/Request/firstAlive.js';
import { type SessionLayer } from '../Session/Request/SessionLayer.js';

import { exchange } from './exchange.js';
import type { InsideRequests } from './InsideRequests.js';

/** Looks at stored sessions without using them: no request of theirs, so that they don't live longer by it. */
export class StoredSessions {
    private layer: Promise<SessionLayer> | undefined;

    public constructor(
        private readonly port: number,
        /** A path where there are sessions; undefined while they are off. */
        private readonly sessionPath: string | undefined,
        private readonly inside: InsideRequests,
    ) {}

    public get areOn(): boolean {
        return this.sessionPath !== undefined;
    }

    /** A path where there are sessions. */
    public get path(): string {
        if (this.sessionPath === undefined) {
            throw new Error('Sessions are off: createTestApp({ session: { enabled: true } }) turns them on.');
        }
        return this.sessionPath;
    }

    /** Whether the application's sessions are for https only. */
    public async needHttps(): Promise<boolean> {
        return (await this.open()).settings.cookie.secure === true;
    }

    /** What is stored of the session that a Cookie header names, while it lives. */
    public async find(cookies: string | undefined): Promise<LiveRecord | undefined> {
        const layer = await this.open();
        const carried = layer.cookie.carriedBy({ headers: { cookie: cookies } } as Request);
        const cookie = await firstAlive(layer.repository, carried?.ids);
        const found = cookie && (await layer.repository.find(cookie.id, cookie.key));
        return found?.kind === 'live' ? found.record : undefined;
    }

    private open(): Promise<SessionLayer> {
        this.layer ??= this.findLayer(this.path);
        return this.layer;
    }

    /** Every request knows its layer; this one has no cookie, and so no session. */
    private findLayer(path: string): Promise<SessionLayer> {
        return this.inside.run(
            (request) => (request.sessionStore as unknown as ExpressStore)['layer'],
            (headers) => exchange(this.port, { method: 'GET', path, headers }),
        );
    }
}
