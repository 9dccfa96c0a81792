import 'express-session';

/**
 * The keys of your session. What you name here has its type everywhere: `request.session.cart`.
 * Any other key works too; its type is `unknown`.
 */
declare module 'express-session' {
    interface SessionData {
        [key: string]: unknown;
        /** An example: request.session.views = (request.session.views || 0) + 1 */
        views?: number;
    }

    /** The same for the keys of `flash(request, key, value)`. */
    interface FlashData {
        [key: string]: unknown;
    }
}
