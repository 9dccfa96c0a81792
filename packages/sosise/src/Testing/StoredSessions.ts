import type { Request } from 'express';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import type { SessionConfig } from '../Session/Config/SessionConfig.js';
import type { LiveRecord } from '../Session/Record/SessionRecord.js';
import { firstAlive } from '../Session/Repository/firstAlive.js';
import { SessionServices } from '../Session/Request/SessionServices.js';

/** Looks at stored sessions without using them: no request of theirs, so that they don't live longer by it. */
export class StoredSessions {
    public constructor(private readonly app: ApplicationKernel) {}

    public get areOn(): boolean {
        return this.app.config.get<SessionConfig>('session').enabled;
    }

    /** A path of which no route knows, where there are sessions. */
    public get path(): string {
        return `${this.services.settings.cookie.path?.replace(/\/$/, '') ?? ''}/__test-kit`;
    }

    /** Whether the application's sessions are for https only. */
    public get needHttps(): boolean {
        return this.services.settings.cookie.secure === true;
    }

    /** What is stored of the session that a Cookie header names, while it lives. */
    public async find(cookies: string | undefined): Promise<LiveRecord | undefined> {
        const { cookie: sent, repository } = this.services;
        const carried = sent.carriedBy({ headers: { cookie: cookies } } as Request);
        const cookie = await firstAlive(repository, carried?.ids);
        const found = cookie && (await repository.find(cookie.id, cookie.key));
        return found?.kind === 'live' ? found.record : undefined;
    }

    private get services(): SessionServices {
        if (!this.areOn) {
            throw new Error('Sessions are off: createTestApp({ session: { enabled: true } }) turns them on.');
        }
        return this.app.container.make(SessionServices);
    }
}
