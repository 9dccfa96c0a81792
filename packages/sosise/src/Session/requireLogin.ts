import type { Request, RequestHandler, Response } from 'express';
import { ForbiddenException } from '../Exceptions/ForbiddenException.js';
import { UnauthorizedException } from '../Exceptions/UnauthorizedException.js';
import { opensPage } from '../Http/opensPage.js';
import { originForm } from '../Http/originForm.js';
import { ownReferer } from '../Http/ownReferer.js';
import { wantedPath } from './intended.js';
import { isDeviceBound, loggedIn, required } from './login.js';

const MINUTE_MS = 60_000;

/**
 * Route middleware for users: a browser of a visitor who is not logged in is led to `loginPage` of `src/config/session.ts`,
 * if that is set, and all others get a 401. After the login `intended()` says where the visitor wanted to go.
 */
export function requireLogin(...none: never[]): RequestHandler {
    if (none.length > 0) {
        throw new TypeError(
            'requireLogin makes a middleware: write requireLogin() where a route lists its middlewares.',
        );
    }
    return function requireLogin(request, response, next) {
        const { loginPage } = required(request, 'requireLogin').services.settings;
        if (loggedIn(request)) {
            next();
        } else {
            askToLogIn(request, response, loginPage, 'Please log in.');
        }
    };
}

/** The same for what matters most: users whose last `login()` is longer ago log in once more, too. */
export function requireRecentLogin({ minutes }: { minutes: number }): RequestHandler {
    if (!(minutes > 0)) {
        throw new TypeError('requireRecentLogin({ minutes }) needs a number of minutes above 0.');
    }
    return function requireRecentLogin(request, response, next) {
        const { loginPage } = required(request, 'requireRecentLogin').services.settings;
        const at = loggedIn(request)?.at;
        if (at !== undefined && Date.now() - at <= minutes * MINUTE_MS) {
            next();
            return;
        }
        const message = at === undefined ? 'Please log in.' : 'Please confirm who you are: log in once more.';
        askToLogIn(request, response, loginPage, message);
    };
}

/** The same for what matters most, where `deviceBound` of the config is on: only from a device that the session is bound to. */
export function requireBoundDevice(...none: never[]): RequestHandler {
    if (none.length > 0) {
        throw new TypeError('requireBoundDevice makes a middleware: write requireBoundDevice() in a route.');
    }
    return function requireBoundDevice(request, response, next) {
        const session = required(request, 'requireBoundDevice');
        const { settings, binding, events } = session.services;
        if (!binding) {
            throw new Error('requireBoundDevice() lets nobody in: set deviceBound to true in src/config/session.ts.');
        }
        if (!loggedIn(request)) {
            askToLogIn(request, response, settings.loginPage, 'Please log in.');
        } else if (isDeviceBound(request)) {
            next();
        } else {
            events.refused?.emit({ key: session.key, user: session.owner?.user, reason: 'device' }, session);
            throw new ForbiddenException('This needs a browser that binds your session to your device.');
        }
    };
}

/**
 * Whether the visitor followed a link of another site to a session that is bound: for such a request browsers do not renew the
 * cookie that proves the device. They do for the page that takes its place.
 */
function mayProveDevice(request: Request): boolean {
    const site = request.headers['sec-fetch-site'];
    const isLink = request.method === 'GET' && (site === 'cross-site' || site === 'same-site') && opensPage(request);
    return isLink && required(request, 'requireLogin').owner !== undefined;
}

/** A session that is bound, and comes without its device, has been told as that. */
function tellRefused(request: Request): void {
    const session = required(request, 'requireLogin');
    const { owner, services } = session;
    if (services.events.refused && (!owner || session.loggedIn)) {
        const key = session.loaded && session.key;
        services.events.refused.emit({ key, user: owner?.user, reason: 'login' }, session);
    }
}

/** Nothing is stored for it: strangers may ask for any number of pages. */
function askToLogIn(request: Request, response: Response, loginPage: string | undefined, message: string): void {
    tellRefused(request);
    const reads = request.method === 'GET' || request.method === 'HEAD';
    const here = originForm(request.originalUrl);
    if (mayProveDevice(request) && !loggedIn(request)) {
        // Not empty: in place of such an answer Chromium shows a page of its own, which loads nothing.
        response.status(401).set('Refresh', '0').type('html').send('<!doctype html><title>One moment</title>');
        return;
    }
    // The login page itself, behind requireLogin() by mistake, would lead to itself for ever.
    if (
        loginPage === undefined ||
        !(reads || request.method === 'POST') ||
        !opensPage(request) ||
        pathOf(here) === pathOf(loginPage)
    ) {
        throw new UnauthorizedException(message);
    }
    // What a form has sent is lost: the visitor comes back to the page that it stands on.
    const wanted = wantedPath(reads ? here : ownReferer(request));
    const query =
        wanted === undefined ? '' : `${loginPage.includes('?') ? '&' : '?'}next=${encodeURIComponent(wanted)}`;
    response.vary('Accept').redirect(303, loginPage + query);
}

function pathOf(path: string): string {
    return path.split('?', 1)[0] as string;
}
