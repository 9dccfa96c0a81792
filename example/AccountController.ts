import { Request, Response } from 'express';
import {
    ApplicationKernel,
    authenticatedUser,
    flash,
    hashPassword,
    login,
    logout,
    SessionRegistry,
    ValidationException,
    validate,
    verifyPassword,
} from 'sosise';
import { DEMO, LoginForm } from './forms.js';

/** Hashes of passwords by name, as your users have them: ./artisan make:auth writes a login that keeps them. */
const users = Promise.all(DEMO.names.map(async (name) => [name, await hashPassword(DEMO.password)] as const));

export default class AccountController {
    public constructor(private readonly app: ApplicationKernel) {}

    public async login(request: Request, response: Response) {
        const { name, password } = await validate(request, LoginForm, { back: '/' });
        const [user, hash] = (await users).find(([known]) => known.toLowerCase() === name.toLowerCase()) ?? [];
        if (!(await verifyPassword(password, hash)) || user === undefined) {
            throw new ValidationException({ name: ['Name or password is wrong.'] }, { back: '/' });
        }
        await login(request, user); // a new session id; the cart stays
        flash(request, 'notice', `Hello ${user}!`);
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
