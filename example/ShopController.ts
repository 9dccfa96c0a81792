import { Request, Response } from 'express';
import { ApplicationKernel, authenticatedUser, flash, SessionRegistry, validate } from 'sosise';
import { AddForm, PRODUCTS, RemoveForm } from './forms.js';
import { shopPage } from './shopPage.js';

// In your application, put these types into src/types/session.d.ts.
declare module 'express-session' {
    interface SessionData {
        shoppingCart?: Record<string, number>; // amounts by product
    }
    interface FlashData {
        notice?: string;
    }
}

export default class ShopController {
    public constructor(private readonly app: ApplicationKernel) {}

    public async index(request: Request, response: Response) {
        const user = authenticatedUser(request);
        const browsers = user ? await this.app.container.make(SessionRegistry).list(user, { request }) : [];
        return response.send(shopPage(request, user, browsers).text);
    }

    /** If the form is invalid, `validate` sends the browser back to it, and nothing below runs. */
    public async add(request: Request, response: Response) {
        const { product, amount } = await validate(request, AddForm, { back: '/' });
        const cart = request.session.shoppingCart ?? {};
        request.session.shoppingCart = { ...cart, [product]: (cart[product] ?? 0) + Number(amount) };
        flash(request, 'notice', `${PRODUCTS[product]} is in your cart.`);
        return response.redirect(303, '/'); // a GET: loading that page again adds nothing
    }

    public async remove(request: Request, response: Response) {
        const { product } = await validate(request, RemoveForm, { back: '/' });
        const { [product]: _removed, ...cart } = request.session.shoppingCart ?? {};
        request.session.shoppingCart = cart;
        return response.redirect(303, '/');
    }
}
