import { defineSessionConfig, env } from '../framework/index.js';

export default defineSessionConfig({
    // Turns sessions on: true or false. While false, request.session is undefined.
    enabled: false,

    // Where sessions are kept: 'file' (storage/sessions), 'memory' (until the process ends), or a driver
    // added with sessions.extend() in src/app/Providers/AppServiceProvider.ts.
    driver: 'file',

    // Signs the cookie, 32 characters or more. An array rotates it: the first signs, all verify.
    secret: env.string('SESSION_SECRET'),

    // The cookie's name. Apps on the same host need different ones.
    name: 'sosise',

    cookie: {
        // How long a visitor may be away, in ms, before the session ends; null: until the browser closes.
        maxAge: 2 * 60 * 60 * 1000,

        // Send the cookie over https only: on in production unless SESSION_SECURE=false.
        secure: env.boolean('SESSION_SECURE'),

        // 'lax': other sites can link here, and can't post in a visitor's name. Also 'strict' and 'none'.
        sameSite: 'lax',
    },

    // Options by driver, under the names of their packages: session-file-store and memorystore.
    drivers: {
        file: {},
        memory: { max: 100_000 },
    },
});
