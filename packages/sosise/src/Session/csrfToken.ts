import type { Request } from 'express';
import { required } from './login.js';

/**
 * A token for a form's field `_csrf` or the header `X-CSRF-Token`: browsers that are too old to say where a request comes
 * from show with it that it came from a page of yours. It needs `csrf.tokens` in `src/config/http.ts`.
 */
export function csrfToken(request: Request): string {
    return required(request, 'csrfToken').csrfToken();
}
