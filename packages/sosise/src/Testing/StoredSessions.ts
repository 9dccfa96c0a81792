import type { Request } from 'express';
import type { LiveRecord } from '../Session/Record/SessionRecord.js';
import { firstAlive } from '../Session/Repository/firstAlive.js';
import { type ExpressStore } from '../Session/Request/ExpressStore.js';
import { type SessionServices } from '../Session/Request/SessionServices.js';

import { exchange } from './exchange.js';
import type { InsideRequests } from './InsideRequests.js';

/** Looks at stored sessions without using them: no request of theirs, so that they don't live longer by it. */
export class StoredSessions {
    private services: Promise<SessionServices> | undefined;

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
        const services = await this.open();
        const carried = services.cookie.carriedBy({ headers: { cookie: cookies } } as Request);
        const cookie = await firstAlive(services.repository, carried?.ids);
        const found = cookie && (await services.repository.find(cookie.id, cookie.key));
        return found?.kind === 'live' ? found.record : undefined;
    }

    private open(): Promise<SessionServices> {
        this.services ??= this.findLayer(this.path);
        return this.services;
    }

    /** Every request knows its layer; this one has no cookie, and so no session. */
    private findLayer(path: string): Promise<SessionServices> {
        return this.inside.run(
            (request) => (request.sessionStore as unknown as ExpressStore)['services'],
            (headers) => exchange(this.port, { method: 'GET', path, headers }),
        );
    }
}
