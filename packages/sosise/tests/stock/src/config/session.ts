import { defineSessionConfig, env } from 'sosise';

export default defineSessionConfig({
    // Turns sessions on: true or false. While false, request.session is undefined.
    enabled: false,

    // Where sessions are kept: 'file' (storage/sessions), 'memory' (until the process ends), 'redis', 'database'
    // (PostgreSQL, SQLite), or a driver added with sessions.extend() in src/app/Providers/AppServiceProvider.ts.
    driver: 'file',

    // Signs the cookie: 32 random characters or more. The first signs, all verify: ./artisan key:rotate logs nobody out.
    secret: [env.string('SESSION_SECRET'), ...env.list('SESSION_PREVIOUS_SECRETS', [])],

    // The cookie's name. Unset: the name in sosise.json without '-skeleton', in production with the prefix '__Host-'.
    // name: 'shop',

    // Encrypts stored sessions with a key derived from the secret: true or false.
    encrypt: false,

    // Absolute timeout, in ms: the session ends then, however active it is. Unset: seven days, or maxAge if longer.
    // absolute: 7 * 24 * 60 * 60 * 1000,

    cookie: {
        // Idle timeout, in ms: the session ends after this long without a request. null: when the browser closes.
        maxAge: 2 * 60 * 60 * 1000,

        // Send the cookie over https only: on in production unless SESSION_SECURE=false.
        secure: env.boolean('SESSION_SECURE'),

        // 'lax': other sites can link here, but can't post in a visitor's name (CSRF). Also 'strict' and 'none'.
        sameSite: 'lax',
    },

    // Options by driver. Their names are those of session-file-store, memorystore, connect-redis and pg.
    drivers: {
        file: {},
        memory: { max: 100_000 },
    },
});
