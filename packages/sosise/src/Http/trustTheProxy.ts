/** How a proxy is trusted, for all that tells so: a sentence without its end. */
export const TRUST_THE_PROXY =
    'Set TRUST_PROXY to the number of proxies in front, such as TRUST_PROXY=1, or to their addresses (trustProxy in src/config/http.ts)';
