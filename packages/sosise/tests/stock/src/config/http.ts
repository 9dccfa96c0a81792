import { defineHttpConfig, env } from 'sosise';

export default defineHttpConfig({
    // Port to listen on: LISTEN_PORT, or PORT, which hosting platforms set; what they set wins over .env. 0 takes any free.
    // The path of a socket ('/run/shop.sock') or pipe does as well.
    port: env.port(['LISTEN_PORT', 'PORT'], 10000),

    // Address to listen on. Unset: every interface, so that containers and other devices reach it.
    // '127.0.0.1' lets in this machine alone, such as a proxy on it.
    host: env.string('LISTEN_HOST'),

    // Whose X-Forwarded-For and -Proto count: false for nobody, the number of proxies in front of this app, or
    // their addresses ('loopback', '10.0.0.0/8'). Behind a https proxy, secure cookies need it; true trusts anybody.
    trustProxy: false,

    // Take over the X-Request-Id that a proxy sends. true only behind one that sets it: clients could choose it else.
    requestId: { trustInbound: false },

    // Largest JSON or form body: bytes, or a text such as '1mb'. Larger ones get a 413.
    bodyLimit: '1mb',

    // Origins of other front ends, such as 'http://localhost:5173', whose pages may act for your logged-in visitors.
    trustedOrigins: [],

    // Refuses what other sites send in a visitor's name. exempt: paths of webhooks ('/webhooks/*'). false: no check.
    csrf: { exempt: [] },

    // Answers that other origins may read: the options of the package cors; false: those of trustedOrigins only.
    cors: false,

    // Security headers: the options of helmet, laid over strict defaults; false sends none.
    securityHeaders: {},

    // Milliseconds that a route may take to begin its answer, before it gets a 503; 0 for no limit.
    answerTimeoutMs: 30_000,

    // Milliseconds for a client to send its headers, and its whole request. Slower ones get a 408.
    headersTimeoutMs: 66_000,
    requestTimeoutMs: 300_000,

    // Milliseconds that an idle connection is kept. Keep it above your load balancer's, below headersTimeoutMs.
    keepAliveTimeoutMs: 65_000,

    // Milliseconds that a stopping server waits for requests in flight, before it cuts them.
    shutdownTimeoutMs: 10_000,
});
