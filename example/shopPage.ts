import { Request } from 'express';
import { flashed, Html, html, oldInput, UserSession, validationErrors } from 'sosise';
import { PRODUCTS } from './forms.js';

export function shopPage(request: Request, user: string | undefined, browsers: readonly UserSession[]): Html {
    const notice = request.sessionEnded === 'revoked' ? 'You were logged out in another browser.' : undefined;
    return html`<!doctype html><html lang="en">
<title>Example shop</title><meta name="viewport" content="width=device-width">
<h1>Example shop</h1>
<p role="status">${flashed(request, 'notice') ?? notice}</p>
<h2>Products</h2> ${addForm(request)}
<h2>Your cart</h2> <ul id="cart">${cartItems(request.session.shoppingCart ?? {})}</ul>
<h2>Your account</h2> ${user === undefined ? loginForm(request) : account(user, browsers)}`;
}

function addForm(request: Request): Html {
    const chosen = oldInput(request, 'product');
    const options = Object.entries(PRODUCTS).map(
        ([id, name]) => html`<option value="${id}"${id === chosen && html` selected`}>${name}</option>`,
    );
    const amount = String(oldInput(request, 'amount') ?? 1);
    return html`<form method="post" action="/cart/add">
<label>Product <select name="product">${options}</select> ${errorOf(request, 'product')}</label>
<label>Amount <input name="amount" value="${amount}" inputmode="numeric"> ${errorOf(request, 'amount')}</label>
<button>Add</button></form>`;
}

function cartItems(cart: Record<string, number>): Html[] {
    return Object.entries(cart).map(
        ([product, amount]) => html`<li><form method="post" action="/cart/remove">${amount} × ${PRODUCTS[product]}
<button name="product" value="${product}">Remove</button></form></li>`,
    );
}

function loginForm(request: Request): Html {
    const name = String(oldInput(request, 'name') ?? '');
    return html`<form method="post" action="/login">
<label>Name <input name="name" value="${name}" autocomplete="username"> ${errorOf(request, 'name')}</label>
<button>Log in</button></form>`;
}

function account(user: string, browsers: readonly UserSession[]): Html {
    const items = browsers.map(({ fingerprint, lastSeen, current }) => {
        return html`<li>${fingerprint}, last seen ${lastSeen.toISOString()}${current ? ' (this browser)' : ''}</li>`;
    });
    return html`<p>You are ${user}, logged in with:</p><ul id="browsers">${items}</ul>
<form method="post" action="/logout-others"><button>Log out my other browsers</button></form>
<form method="post" action="/logout"><button>Log out</button></form>`;
}

function errorOf(request: Request, field: string): Html {
    return html`<strong>${validationErrors(request)[field]?.join(' ')}</strong>`;
}
