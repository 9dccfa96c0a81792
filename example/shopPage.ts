import { Request } from 'express';
import { flashed, Html, html, oldInput, UserSession, validationErrors } from 'sosise';
import { DEMO, PRODUCTS } from './forms.js';

export function shopPage(request: Request, user: string | undefined, browsers: readonly UserSession[]): Html {
    const notice = request.sessionEnded === 'revoked' ? 'You were logged out in another browser.' : undefined;
    return html`<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Example shop</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/shop/shop.css">
<main>
<h1>Example shop</h1>
<p role="status">${flashed(request, 'notice') ?? notice}</p>
<section><h2>Products</h2> ${addForm(request)}</section>
<section><h2>Your cart</h2> ${cart(Object.entries(request.session.shoppingCart ?? {}))}</section>
<section><h2>Your account</h2> ${user === undefined ? loginForm(request) : account(user, browsers)}</section>
</main>
</html>`;
}

function addForm(request: Request): Html {
    const chosen = oldInput(request, 'product');
    const options = Object.entries(PRODUCTS).map(
        ([id, name]) => html`<option value="${id}"${id === chosen && html` selected`}>${name}</option>`,
    );
    const amount = String(oldInput(request, 'amount') ?? 1);
    return html`<form class="row" method="post" action="/cart/add">
<label>Product <select name="product">${options}</select> ${errorOf(request, 'product')}</label>
<label>Amount <input name="amount" value="${amount}" inputmode="numeric"> ${errorOf(request, 'amount')}</label>
<button>Add</button></form>`;
}

function cart(items: [product: string, amount: number][]): Html {
    const rows = items.map(
        ([product, amount]) => html`<li><form method="post" action="/cart/remove">${amount} × ${PRODUCTS[product]}
<button class="plain" name="product" value="${product}" aria-label="Remove ${PRODUCTS[product]}">Remove</button></form></li>`,
    );
    return rows.length === 0 ? html`<p class="soft">Nothing yet.</p>` : html`<ul id="cart">${rows}</ul>`;
}

function loginForm(request: Request): Html {
    const name = String(oldInput(request, 'name') ?? '');
    return html`<form class="row" method="post" action="/login">
<label>Name <input name="name" value="${name}" autocomplete="username"> ${errorOf(request, 'name')}</label>
<label>Password <input name="password" type="password" autocomplete="current-password"> ${errorOf(request, 'password')}</label>
<button>Log in</button></form>
<p class="soft">${DEMO.names.join(' and ')} have the password <code>${DEMO.password}</code></p>`;
}

function account(user: string, browsers: readonly UserSession[]): Html {
    const items = browsers.map(({ fingerprint, lastSeen, current }) => {
        return html`<li><code>${fingerprint}</code> ${current ? 'this browser' : `last seen ${lastSeen.toUTCString()}`}</li>`;
    });
    return html`<p>You are ${user}, logged in with:</p><ul id="browsers">${items}</ul>
<div class="row"><form method="post" action="/logout-others"><button>Log out my other browsers</button></form>
<form method="post" action="/logout"><button class="plain">Log out</button></form></div>`;
}

function errorOf(request: Request, field: string): Html {
    return html`<strong>${validationErrors(request)[field]?.join(' ')}</strong>`;
}
