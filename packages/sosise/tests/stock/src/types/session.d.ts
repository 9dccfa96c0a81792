import 'express-session';

/**
 * The keys of your session. What you name here has its type everywhere: `request.session.cart`.
 * Any other key can be used too, and is `unknown` until you look at it.
 */
declare module 'express-session' {
    interface SessionData {
        [key: string]: unknown;
        /** An example: request.session.views = (request.session.views || 0) + 1 */
        views?: number;
    }

    /** The same for what `flash(request, key, value)` carries to the next page. */
    interface FlashData {
        [key: string]: unknown;
    }
}
