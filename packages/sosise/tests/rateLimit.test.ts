import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Router } from 'express';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { readDocuments } from './docs/Markdown.js';
import { PageBrowser } from './helpers/PageBrowser.js';
import { type SessionApp, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

const project = new URL('../../..', import.meta.url).pathname;
const guide = readDocuments(project).find(({ name }) => name === 'docs/rate-limit.md');

/** The files that docs/rate-limit.md asks for, as written there, in an application of their own that counts from zero. */
async function guideApp(http: Record<string, unknown> = {}, edit = (code: string) => code): Promise<SessionApp> {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'src'));
    symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'), 'dir');
    for (const { path, code } of guide?.blocks ?? []) {
        if (path) {
            mkdirSync(dirname(join(folder, path)), { recursive: true });
            writeFileSync(join(folder, path), edit(code));
        }
    }
    const { default: routes } = (await import(join(folder, 'src/routes/api.ts'))) as { default: Router };
    return sessionApp({ http, routes: (router) => router.use(routes) });
}

/** The route as the guide has it for the form of a page. */
const asForm = (code: string) =>
    code
        .replace('UnauthorizedException }', 'ValidationException }')
        .replace("UnauthorizedException('This name and password do not fit.')", REFUSED_FORM);
const REFUSED_FORM = "ValidationException({ name: ['This name and password do not fit.'] })";

interface Attempt {
    name?: string;
    password?: string;
    /** What stands in X-Forwarded-For when the request arrives. */
    forwarded?: string;
}

function attempt({ url }: SessionApp, { name = 'ada', password = 'guess', forwarded }: Attempt = {}) {
    const headers = { 'Content-Type': 'application/json', ...(forwarded && { 'X-Forwarded-For': forwarded }) };
    return fetch(`${url}/login`, { method: 'POST', headers, body: JSON.stringify({ name, password }) });
}

/** The statuses of so many attempts in turn. */
async function statuses(app: SessionApp, count: number, each: (index: number) => Attempt): Promise<number[]> {
    const found: number[] = [];
    for (let index = 0; index < count; index += 1) {
        found.push((await attempt(app, each(index))).status);
    }
    return found;
}

/** So many of one status. */
const times = (count: number, status: number) => Array(count).fill(status);

/** Catches what the package says on the console about settings that it finds doubtful. */
function catchWarnings(): () => string {
    const print = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    onTestFinished(() => print.mockRestore());
    return () => print.mock.calls.flat().map(String).join('\n');
}

describe('the guide for a login limit', () => {
    test('the sixth wrong password for a name is a 429 in the envelope that says when to come again', async () => {
        const app = await guideApp();
        expect(await statuses(app, 5, () => ({}))).toEqual(times(5, 401));

        const refused = await attempt(app);
        expect(refused.status).toBe(429);
        expect(await refused.json()).toEqual({
            code: 429,
            message: 'Too many attempts: please try again later.',
            data: null,
        });
        const seconds = Number(refused.headers.get('Retry-After'));
        expect(seconds).toBeGreaterThan(880);
        expect(seconds).toBeLessThanOrEqual(900);
    });

    test('neither the right password nor another spelling of the name helps then, and other names go on', async () => {
        const app = await guideApp();
        await statuses(app, 5, () => ({}));

        expect((await attempt(app, { password: 'correct horse' })).status).toBe(429);
        expect((await attempt(app, { name: ' ADA ' })).status).toBe(429);
        expect((await attempt(app, { name: 'grace' })).status).toBe(401);
    });

    test('logins that succeed count for nothing', async () => {
        const app = await guideApp();

        expect(await statuses(app, 8, () => ({ password: 'correct horse' }))).toEqual(times(8, 200));
        expect(await statuses(app, 6, () => ({}))).toEqual([...times(5, 401), 429]);
    });

    test('attempts all at once are counted one by one', async () => {
        const app = await guideApp();
        const answers = await Promise.all(Array.from({ length: 12 }, () => attempt(app)));

        expect(answers.map(({ status }) => status).sort()).toEqual([...times(5, 401), ...times(7, 429)]);
    });

    test('one address that tries many names is stopped, too', async () => {
        const app = await guideApp();

        expect(await statuses(app, 31, (index) => ({ name: `user ${index}` }))).toEqual([...times(30, 401), 429]);
    });
});

describe('a login form', () => {
    const guess = (visitor: PageBrowser, password = 'guess') =>
        visitor.submit('/login', { name: 'ada', password }, '/login-page');

    test('counts what is refused, though the answer is a redirect back to it', async () => {
        expect(guide?.text).toContain(REFUSED_FORM);
        const visitor = new PageBrowser((await guideApp({}, asForm)).url);
        for (let count = 0; count < 5; count += 1) {
            expect((await guess(visitor)).status).toBe(303);
        }
        expect((await guess(visitor)).status).toBe(429);
    });

    test('counts the guesses of a member at the password of another name', async () => {
        const visitor = new PageBrowser((await guideApp({}, asForm)).url);
        expect((await guess(visitor, 'correct horse')).status).toBe(200);
        for (let count = 0; count < 5; count += 1) {
            expect((await guess(visitor)).status).toBe(303);
        }
        expect((await guess(visitor)).status).toBe(429);
    });
});

describe('an X-Forwarded-For that changes with every request', () => {
    const made = (index: number) => `203.0.113.${index + 1}`;

    test('does not get around the limit where no proxy is trusted', async () => {
        const warnings = catchWarnings();
        const app = await guideApp({ trustProxy: false });
        const tries = (index: number) => ({ name: `user ${index}`, forwarded: made(index) });

        expect(await statuses(app, 31, tries)).toEqual([...times(30, 401), 429]);
        expect(warnings()).toContain('ERR_ERL_UNEXPECTED_X_FORWARDED_FOR');
    });

    test('does not get around it behind a trusted proxy, which adds the address that it sees', async () => {
        const app = await guideApp({ trustProxy: 1 });
        const tries = (index: number) => ({ name: `user ${index}`, forwarded: `${made(index)}, 198.51.100.7` });

        expect(await statuses(app, 31, tries)).toEqual([...times(30, 401), 429]);
        // Another visitor, whom the same proxy sees at another address, has tries of their own.
        expect((await attempt(app, { name: 'grace', forwarded: '198.51.100.8' })).status).toBe(401);
    });

    test('gets around it where everybody is trusted, which the log and the package warn of', async () => {
        const warnings = catchWarnings();
        const app = await guideApp({ trustProxy: true });
        const tries = (index: number) => ({ name: `user ${index}`, forwarded: `${made(index)}, 198.51.100.7` });

        expect(await statuses(app, 40, tries)).toEqual(times(40, 401));
        expect(app.log.map(({ message }) => message).join('\n')).toContain('trustProxy: true');
        expect(warnings()).toContain('ERR_ERL_PERMISSIVE_TRUST_PROXY');
    });

    test('does not get around the limit of a name, whoever is trusted', async () => {
        catchWarnings();
        const app = await guideApp({ trustProxy: true });

        expect(await statuses(app, 6, (index) => ({ forwarded: made(index) }))).toEqual([...times(5, 401), 429]);
    });
});
