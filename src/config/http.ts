import { defineHttpConfig, env } from 'sosise';

export default defineHttpConfig({
    // Port to listen on: LISTEN_PORT, or PORT, which hosting platforms set; theirs wins over .env. 0: any free port.
    // The path of a socket ('/run/shop.sock') or pipe works, too.
    port: env.port(['LISTEN_PORT', 'PORT'], 10000),

    // Address to listen on. Unset: every interface, so that containers and other devices reach it.
    // '127.0.0.1': only this machine reaches it, such as a proxy on it.
    host: env.string('LISTEN_HOST'),

    // Whose X-Forwarded-For and -Proto are trusted: TRUST_PROXY=1 for one proxy in front of this app, 2 for two, or their
    // addresses (loopback,10.0.0.0/8). false: nobody's. Secure cookies need it behind an https proxy. true trusts anybody.
    trustProxy: env.proxies('TRUST_PROXY', false),

    // Whether a proxy's X-Request-Id is used. true only behind a proxy that sets it: otherwise clients choose the id.
    requestId: { trustInbound: false },

    // Largest JSON or form body: bytes, or a text such as '1mb'. Larger ones get a 413.
    bodyLimit: '1mb',

    // Origins of your other front ends: TRUSTED_ORIGINS=http://localhost:5173. Their pages may act for logged-in visitors.
    trustedOrigins: env.origins('TRUSTED_ORIGINS', []),

    // CSRF protection: blocks what other sites send in a visitor's name. exempt: paths ('/webhooks/*'). false: off.
    csrf: { exempt: [] },

    // Which other origins may read answers: the options of the package cors. false: only trustedOrigins may.
    cors: false,

    // Security headers: the options of helmet, which override strict defaults. false sends none.
    securityHeaders: {},

    // Templates for response.render(): { engine: 'ejs', folder: 'views' }, or any other engine of Express. false: none.
    views: false,

    // Whether a form's hidden field _method makes its POST a PUT, PATCH or DELETE: true or false.
    methodOverride: false,

    // Response timeout: milliseconds until a route must begin its answer, or the client gets a 503. 0: no limit.
    answerTimeoutMs: 30_000,

    // Milliseconds for a client to send its headers, and its whole request. Slower clients get a 408.
    headersTimeoutMs: 66_000,
    requestTimeoutMs: 300_000,

    // Milliseconds that an idle connection is kept: more than your load balancer keeps it, less than headersTimeoutMs.
    keepAliveTimeoutMs: 65_000,

    // Milliseconds that a stopping server waits for requests in flight before it aborts them.
    shutdownTimeoutMs: 10_000,
});
