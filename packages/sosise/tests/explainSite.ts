import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Router } from 'express';
import { MemoryStore } from 'express-session';
import { fingerprint, SessionRegistry } from 'sosise';
import { expect } from 'vitest';
import { artisanOn } from './artisanOn.js';
import type { Ran } from './consoleProject.js';
import type { Browser } from './helpers/Browser.js';
import { FileStore } from './helpers/inside/Session/Stores/File.js';
import { memberRoutes } from './helpers/loginRoutes.js';
import {
    type SessionApp,
    type SessionAppOptions,
    SessionManager,
    sessionApp,
    temporaryFolder,
} from './helpers/sessionApp.js';

export const AUDIT = { channels: { audit: { file: 'audit.log' } } };

export interface Explained {
    name: string;
    sentence: string;
    fix?: string;
    at: string | null;
    fingerprint: string;
    since?: string;
    user?: string;
}

/** An application that starts and stops in one folder, and its console. */
export class Site {
    public readonly root = temporaryFolder();
    public app: SessionApp | undefined;
    private readonly plain = new MemoryStore();
    private readonly boot: SessionAppOptions['boot'] = ({ container, environment }) => {
        const path = join(environment.root, 'storage/newer');
        container
            .make(SessionManager)
            .extend('newer', () => new FileStore({ path }))
            .extend('plain', () => this.plain);
    };

    public constructor(private readonly options: Omit<SessionAppOptions, 'root' | 'routes'> = {}) {}

    /** Starts it, again with other settings where some are given. */
    public async start(session: Record<string, unknown> = {}): Promise<SessionApp> {
        await this.app?.close();
        this.app = undefined;
        this.options.session = { ...this.options.session, ...session };
        const registry = () => registryOf(app);
        const app = await sessionApp({
            ...this.options,
            boot: this.boot,
            root: this.root,
            routes: (router) => routes(router, registry),
        });
        this.app = app;
        return app;
    }

    /** Runs a command. The application stops before, so that its log is written. */
    public async artisan(line: string): Promise<Ran> {
        await this.app?.close();
        return artisanOn({ ...this.options, boot: this.boot, root: this.root })(line);
    }

    public async explain(line: string): Promise<Explained[]> {
        const { code, output, errors } = await this.artisan(`session:explain ${line} --json`);
        expect([code, errors]).toEqual([0, '']);
        return JSON.parse(output) as Explained[];
    }

    public async cause(name: string): Promise<Explained> {
        const [explained, ...others] = await this.explain(name);
        expect(others).toEqual([]);
        return explained as Explained;
    }

    /** The fingerprints in the audit log's lines of an event. */
    public names(event: string): string[] {
        return readFileSync(join(this.root, 'storage/logs/audit.log'), 'utf8')
            .split('\n')
            .filter((line) => line.includes(`"event":"${event}"`))
            .map((line) => (JSON.parse(line) as { context: { fingerprint: string } }).context.fingerprint);
    }

    /** Takes away what the store still knows, as it does by itself after a day. */
    public forget(): void {
        renameSync(join(this.root, 'storage/sessions'), join(this.root, 'storage/forgotten'));
    }
}

function routes(router: Router, registry: () => SessionRegistry): void {
    memberRoutes(router);
    router.get('/fingerprint', (request, response) => void response.json(fingerprint(request) ?? null));
    router.post('/regenerate', async (request, response) => {
        await request.session.regenerate();
        response.json('new');
    });
    router.post('/late', (request, response) => {
        response.write('begun');
        request.session['late'] = true;
        response.end(fingerprint(request));
    });
    router.post('/revoke', async (request, response) => {
        response.json(await registry().revoke(request.body.user, { by: request }));
    });
}

export const post = (body: unknown = {}, headers: Record<string, string> = {}) => ({ method: 'POST', body, headers });

export async function loggedIn(app: SessionApp, user = '42'): Promise<{ browser: Browser; name: string }> {
    const browser = app.browser();
    expect((await browser.visit('/login', post({ user }))).status).toBe(200);
    return { browser, name: await browser.json<string>('/fingerprint') };
}

export const registryOf = ({ app }: SessionApp) => app.container.make(SessionRegistry);
