import { Request, Response } from 'express';
import { ApplicationKernel, authenticatedUser, flash, login, logout, SessionRegistry, validate } from 'sosise';
import { LoginForm } from './forms.js';

export default class AccountController {
    public constructor(private readonly app: ApplicationKernel) {}

    /** This is a demo: a real application checks a password before it calls `login`. */
    public async login(request: Request, response: Response) {
        const { name } = await validate(request, LoginForm, { back: '/' });
        await login(request, name); // a new session id; the cart stays
        flash(request, 'notice', `Hello ${name}!`);
        return response.redirect(303, '/');
    }

    public async logout(request: Request, response: Response) {
        await logout(request);
        return response.redirect(303, '/');
    }

    public async logoutOthers(request: Request, response: Response) {
        const user = authenticatedUser(request) as string; // requireLogin() has seen to it
        const ended = await this.app.container.make(SessionRegistry).revoke(user, { except: request });
        flash(request, 'notice', `Logged out elsewhere: ${ended}.`);
        return response.redirect(303, '/');
    }
}
