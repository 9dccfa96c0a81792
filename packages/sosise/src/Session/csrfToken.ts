import type { Request } from 'express';
import { type Html, html } from '../Http/Pages/html.js';
import { required } from './login.js';

/**
 * A token for a form's field `_csrf` or the header `X-CSRF-Token`: browsers that are too old to say where a request comes
 * from show with it that it came from a page of yours. It needs `csrf.tokens` in `src/config/http.ts`.
 */
export function csrfToken(request: Request): string {
    const session = required(request, 'csrfToken');
    const tokens = session.services.forgery?.tokens;
    if (!tokens) {
        throw new Error('csrfToken(request) needs csrf: { tokens: true } in src/config/http.ts.');
    }
    session.open();
    session.mustStore ||= session.stage === 'new'; // the token holds for its id: it is stored and sent, also while it is empty
    return tokens.makeToken(session.id);
}

/** The hidden field of a form with the token; nothing where no tokens are asked for, so that every form may have it. */
export function csrfField(request: Request): Html {
    return required(request, 'csrfField').services.forgery?.tokens
        ? html`<input type="hidden" name="_csrf" value="${csrfToken(request)}">`
        : html``;
}
