import type { Request, Response, Router } from 'express';
import {
    applicationOf,
    authenticatedAt,
    authenticatedUser,
    ExceptionHandler,
    login,
    logout,
    requireLogin,
    requireRecentLogin,
    type SessionEnded,
    SessionRegistry,
    UnauthorizedException,
} from 'sosise';
import { type SessionApp, type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';

/** Where a login may lead: never to an address that somebody else has put into a link. */
const PAGES = ['/members', '/password'];

/** Browsers keep whole pages for their back button, no-store or not: what was shown before a logout is asked for anew. */
const SCRIPT = "addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });";

/** Why a session ended, in the words of the login page. */
const ENDED: Record<SessionEnded, string> = {
    idle: 'You were away for a while.',
    absolute: 'You logged in a long time ago.',
    revoked: 'You were logged out in another browser.',
    replaced: 'You logged in on another device.',
    destroyed: 'You have logged out.',
};

export interface MembersApp extends SessionApp {
    readonly passwords: Map<string, string>;
}

/** A small site with an area for members, in plain HTML. The member is mia, her password is "secret". */
export async function membersApp(options: SessionAppOptions = {}): Promise<MembersApp> {
    const passwords = new Map([['mia', 'secret']]);
    const app = await sessionApp({
        ...options,
        routes: (router) => routes(router, passwords),
        boot: (kernel) => {
            kernel.container.singleton(ExceptionHandler, () => new MembersHandler(kernel));
            options.boot?.(kernel);
        },
    });
    return { ...app, passwords };
}

/** Who is not logged in (any more) gets the login page in place of what was asked for. */
class MembersHandler extends ExceptionHandler {
    public override async render(error: Error, request: Request, response: Response): Promise<void> {
        if (error instanceof UnauthorizedException) {
            loginPage(request, response.status(401), error.message);
        } else {
            await super.render(error, request, response);
        }
    }
}

function routes(router: Router, passwords: Map<string, string>): void {
    const registry = (request: Request) => applicationOf(request).container.make(SessionRegistry);

    router.get('/', (_request, response) => page(response, 'Welcome', '<a href="/members">Members</a>'));

    router.get('/members.js', (_request, response) => response.type('js').send(SCRIPT));

    router.get('/login', (request, response) => loginPage(request, response));

    router.post('/login', async (request, response) => {
        const { user, password } = request.body;
        if (typeof user !== 'string' || passwords.get(user) !== password) {
            throw new UnauthorizedException('Name or password is wrong.');
        }
        const { next } = request.session;
        await login(request, user);
        delete request.session.next;
        response.redirect(303, PAGES.find((path) => path === next) ?? '/members');
    });

    router.get('/members', requireLogin(), async (request, response) => {
        const browsers = await registry(request).list(authenticatedUser(request) as string, { request });
        const rows = browsers.map(
            ({ fingerprint, created, current }) =>
                `<li>${fingerprint} since ${created.toISOString()}${current ? ' (this one)' : ''}</li>`,
        );
        const since = (authenticatedAt(request) as Date).toISOString();
        page(
            response,
            'Members',
            `<p>Hello ${escaped(authenticatedUser(request) as string)}, logged in at ${since}</p><ul>${rows.join('')}</ul>` +
                form('/logout-others', 'Log out my other browsers') +
                form('/logout', 'Log out') +
                '<a href="/password">Change my password</a>',
        );
    });

    router.post('/logout-others', requireLogin(), async (request, response) => {
        await registry(request).revoke(authenticatedUser(request) as string, { except: request });
        response.redirect(303, '/members');
    });

    router.get('/password', requireRecentLogin({ minutes: 5 }), (_request, response) => {
        const field = '<input name="password" type="password" autocomplete="new-password">';
        page(response, 'Change my password', form('/password', 'Change', field));
    });

    router.post('/password', requireRecentLogin({ minutes: 5 }), async (request, response) => {
        const user = authenticatedUser(request) as string;
        passwords.set(user, String(request.body.password));
        await registry(request).revoke(user, { except: request });
        response.redirect(303, '/members');
    });

    router.post('/logout', async (request, response) => {
        await logout(request);
        response.redirect(303, '/login');
    });
}

/** It says why there is a need to log in, and remembers what was asked for: visitors have a session, too. */
function loginPage(request: Request, response: Response, message = ''): void {
    const { sessionEnded, path } = request;
    if (PAGES.includes(path)) {
        request.session.next = path;
    }
    const reason = sessionEnded ? `<p id="ended" data-reason="${sessionEnded}">${ENDED[sessionEnded]}</p>` : '';
    const fields = '<input name="user" autocomplete="username"><input name="password" type="password">';
    page(response, 'Log in', `${reason}<p id="message">${escaped(message)}</p>${form('/login', 'Log in', fields)}`);
}

function page(response: Response, title: string, body: string): void {
    response.set('Cache-Control', 'no-store');
    const head = `<title>${title}</title><script src="/members.js"></script>`;
    response.send(`<!doctype html><html lang="en">${head}<h1>${title}</h1>${body}</html>`);
}

function form(action: string, button: string, fields = ''): string {
    return `<form method="post" action="${action}">${fields}<button>${button}</button></form>`;
}

function escaped(text: string): string {
    return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
