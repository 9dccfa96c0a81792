import { TRUST_THE_PROXY } from '../Http/trustTheProxy.js';
import { type Check, ok, warning } from './Check.js';
import type { Examined } from './Examined.js';
import { sourceOfVariable } from './variableSources.js';

const NAME = 'Session cookie';
const SECURE = 'SESSION_SECURE';
const CONFIG = 'src/config/session.ts';
const TRUST = 'TRUST_PROXY';
const WITHOUT_PROXY = `Take proxy out of ${CONFIG}. `;

/** Whether browsers take the cookie and give it back, here and behind a proxy. */
export function cookieChecks(examined: Examined): Check[] {
    return [flagsOf(examined), ...scriptsOf(examined), proxyOf(examined)];
}

function flagsOf(examined: Examined): Check {
    const { settings, environment } = examined;
    const { secure, domain } = settings.cookie;
    const parts = [
        settings.name,
        secure === true
            ? 'sent over https only'
            : secure === 'auto'
              ? 'secure where it was got over https'
              : 'sent over plain http too',
        sites(settings.cookie.sameSite),
        domain === undefined ? 'for this host only' : `for all hosts under ${domain}`,
    ];
    const text = `${parts.join(', ')}.`;
    if (environment.isProduction && secure !== true && secure !== 'auto') {
        return warning(
            NAME,
            `${text} Whoever listens on the way can take a session over.`,
            `Serve https, and ${withoutSecure(examined)}.`,
        );
    }
    if (environment.isDevelopment && secure === true) {
        return warning(
            NAME,
            `${text} On http://localhost some browsers keep no such cookie.`,
            `For development, ${withoutSecure(examined)}.`,
        );
    }
    return ok(NAME, text);
}

/** How `secure` gets its default back: where it is set decides what to change. */
function withoutSecure(examined: Examined): string {
    const source = sourceOfVariable(SECURE, examined);
    return source === undefined
        ? `take secure: ${examined.settings.cookie.secure} out of cookie in ${CONFIG}`
        : `take ${SECURE} out of ${source} (cookie.secure in ${CONFIG})`;
}

function sites(sameSite: unknown): string {
    switch (sameSite) {
        case 'none':
            return 'also sent to this site from others';
        case 'strict':
        case true:
            return 'not sent where another site links here';
        case 'lax':
            return 'not sent where another site posts here';
        default:
            return 'with what browsers think of sameSite';
    }
}

function scriptsOf({ settings }: Examined): Check[] {
    return settings.cookie.httpOnly === false
        ? [
              warning(
                  NAME,
                  'Scripts in the page can read it: one foreign script is enough to take sessions over.',
                  `Take httpOnly: false out of cookie in ${CONFIG}.`,
              ),
          ]
        : [];
}

/** A cookie that needs https is never sent where the application does not hear that https was spoken. */
function proxyOf(examined: Examined): Check {
    const { settings, environment, http } = examined;
    const name = 'Proxies';
    const { secure } = settings.cookie;
    if (settings.proxy === true || (settings.proxy === undefined && http.trustProxy === true)) {
        const option = settings.proxy === true ? `proxy: true in ${CONFIG}` : 'trustProxy: true in src/config/http.ts';
        return warning(
            name,
            `${option} believes everyone who says that a request came over https.`,
            settings.proxy === true ? `${WITHOUT_PROXY}${TRUST_THE_PROXY}.` : `${TRUST_THE_PROXY}.`,
        );
    }
    if (secure !== true && secure !== 'auto') {
        return ok(name, 'The cookie does not need https: what a proxy says makes no difference to it.');
    }
    const isTrusting = settings.proxy !== false && http.trustProxy !== false && http.trustProxy !== 0;
    if (isTrusting) {
        return ok(name, `${believed(http.trustProxy)} when a request came over https (${placeOfTrust(examined)}).`);
    }
    const off = settings.proxy === false ? `proxy is false in ${CONFIG}` : 'trustProxy is off';
    const text = `The cookie is sent over https only, and ${off}: behind a proxy that speaks https it would never be sent.`;
    return environment.isProduction
        ? warning(name, text, `${settings.proxy === false ? WITHOUT_PROXY : ''}${TRUST_THE_PROXY}.`)
        : ok(name, text);
}

/** Whose word counts, in words. */
function believed(trustProxy: Examined['http']['trustProxy']): string {
    if (typeof trustProxy === 'number') {
        return trustProxy === 1 ? 'One proxy in front says' : `${trustProxy} proxies in front say`;
    }
    return `Proxies at ${[trustProxy].flat().join(', ')} say`;
}

function placeOfTrust(examined: Examined): string {
    const source = sourceOfVariable(TRUST, examined);
    return source === undefined ? 'trustProxy in src/config/http.ts' : `${TRUST} in ${source}`;
}
