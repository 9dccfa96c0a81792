import { defineSessionConfig, env } from 'sosise';

export default defineSessionConfig({
    // Turns sessions on: true or false. While false, request.session is undefined.
    enabled: false,

    // Where sessions are kept: 'file' (storage/sessions), 'memory' (until the process ends), 'redis', or a driver
    // added with sessions.extend() in src/app/Providers/AppServiceProvider.ts.
    driver: 'file',

    // Signs the cookie, 32 random characters or more. The first signs, all verify: ./artisan key:rotate logs nobody out.
    secret: [env.string('SESSION_SECRET'), ...env.list('SESSION_PREVIOUS_SECRETS', [])],

    // The cookie's name. Unset: the name in sosise.json without '-skeleton', in production behind the prefix '__Host-'.
    // name: 'shop',

    // Stores sessions encrypted, with a key made of the secret: true or false.
    encrypt: false,

    // How long a session may live however much it is used, in ms. Unset: seven days, or maxAge where that is longer.
    // absolute: 7 * 24 * 60 * 60 * 1000,

    cookie: {
        // How long a visitor may be away, in ms, before the session ends; null: until the browser closes.
        maxAge: 2 * 60 * 60 * 1000,

        // Send the cookie over https only: on in production unless SESSION_SECURE=false.
        secure: env.boolean('SESSION_SECURE'),

        // 'lax': other sites can link here, and can't post in a visitor's name. Also 'strict' and 'none'.
        sameSite: 'lax',
    },

    // Options by driver, under the names of their packages: session-file-store, memorystore, connect-redis.
    drivers: {
        file: {},
        memory: { max: 100_000 },
    },
});
