import { HttpPipeline } from '../Http/HttpPipeline.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import type { SessionConfig } from '../Session/Config/SessionConfig.js';
import { InsideRequests } from './InsideRequests.js';
import { StoredSessions } from './StoredSessions.js';
import { type ClientOptions, TestClient } from './TestClient.js';

/** Readies an application that has booted and does not listen yet. Gives what makes clients, once its port is known. */
export function readyForClients(app: ApplicationKernel): (port: number) => (options?: ClientOptions) => TestClient {
    const inside = new InsideRequests();
    app.container.make(HttpPipeline).use('session', inside.handler);
    return (port) => {
        const sessions = new StoredSessions(port, sessionPathOf(app), inside);
        return (options) => new TestClient({ port, inside, sessions }, options);
    };
}

/** A path of which no route knows, where there are sessions; undefined where there are none. */
function sessionPathOf(app: ApplicationKernel): string | undefined {
    const { enabled, cookie } = app.config.get<SessionConfig>('session');
    return enabled ? `${cookie.path?.replace(/\/$/, '') ?? ''}/__test-kit` : undefined;
}
