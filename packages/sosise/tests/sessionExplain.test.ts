import type { Router } from 'express';
import { fingerprint, login, SessionRegistry } from 'sosise';
import { describe, expect, test } from 'vitest';
import { artisanOn } from './artisanOn.js';
import type { Browser } from './helpers/Browser.js';
import { travel } from './helpers/inside/Testing.js';
import { memberRoutes } from './helpers/loginRoutes.js';
import { type SessionApp, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

const HOUR = 3_600_000;
const AUDIT = { channels: { audit: { file: 'audit.log' } } };

interface Explained {
    name: string;
    sentence: string;
    fix?: string;
    at: string | null;
    fingerprint: string;
    since?: string;
    user?: string;
}

/** An application that starts and stops in one folder, and its console. */
class Site {
    public readonly root = temporaryFolder();
    private app: SessionApp | undefined;

    public constructor(
        public session: Record<string, unknown> = {},
        private readonly options: { logging?: Record<string, unknown>; environment?: 'production' } = {},
    ) {}

    public async start(session: Record<string, unknown> = this.session): Promise<SessionApp> {
        await this.app?.close();
        this.session = session;
        this.app = await sessionApp({ ...this.options, root: this.root, session, routes });
        return this.app;
    }

    /** What the console says; the application stops, so that its log is written. */
    public async explain(line: string): Promise<Explained[]> {
        await this.app?.close();
        const artisan = artisanOn({ ...this.options, root: this.root, session: this.session });
        const { code, output, errors } = await artisan(`session:explain ${line} --json`);
        expect([code, errors]).toEqual([0, '']);
        return JSON.parse(output) as Explained[];
    }

    public async cause(fingerprint: string): Promise<Explained> {
        const [explained] = await this.explain(fingerprint);
        return explained as Explained;
    }
}

function routes(router: Router): void {
    memberRoutes(router);
    router.get('/fingerprint', (request, response) => {
        response.json(fingerprint(request) ?? null);
    });
}

const post = (body: unknown = {}) => ({ method: 'POST', body });
const nameOf = (browser: Browser) => browser.json<string>('/fingerprint');

async function loggedIn(app: SessionApp, user = '42'): Promise<{ browser: Browser; name: string }> {
    const browser = app.browser();
    expect((await browser.visit('/login', post({ user }))).status).toBe(200);
    return { browser, name: await nameOf(browser) };
}

describe('from tombstones and the configuration alone', () => {
    test('idle: the timeout, since when, and the setting', async () => {
        const site = new Site({ idle: HOUR });
        const { name } = await loggedIn(await site.start());
        travel('90 minutes');
        expect(await site.cause(name)).toEqual({
            fingerprint: name,
            name: 'idle',
            sentence: 'Nobody used it for 1 hour: the idle timeout.',
            fix: 'idle in src/config/session.ts, else cookie.maxAge.',
            at: new Date(Date.now() - HOUR / 2).toISOString(),
        });
    });

    test('absolute: however active it was', async () => {
        const site = new Site({ idle: HOUR, absolute: 2 * HOUR });
        const { browser, name } = await loggedIn(await site.start());
        for (let hours = 0; hours < 3; hours += 1) {
            await browser.visit('/me');
            travel('50 minutes');
        }
        expect(await site.cause(name)).toMatchObject({
            name: 'absolute',
            sentence: 'It was 2 hours old: the absolute timeout, however active a session is.',
            fix: 'absolute in src/config/session.ts.',
        });
    });
});
