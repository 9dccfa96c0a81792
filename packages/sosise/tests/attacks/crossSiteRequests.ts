type Headers = Record<string, string | string[]>;

export interface CrossSiteRequest {
    readonly kind: 'cross-site by form' | 'cross-site by fetch' | 'cross-site by navigation';
    readonly method: string;
    readonly path: string;
    readonly headers: Headers;
    readonly body?: string;
}

const EVIL = 'https://evil.example';
/** Methods that change nothing, and what would make others of them. */
const OVERRIDES: Headers[] = [
    {},
    { 'x-http-method-override': 'POST' },
    { 'x-http-method': 'DELETE' },
    { 'x-method-override': 'POST' },
];

/** Paths below an exempt one for some, and another for others. */
const SMUGGLED = [
    '/webhooks/../change',
    '/webhooks/./../change',
    '/webhooks/a/../../change',
    '/webhooks/..;/change',
    '/webhooks/..;x/change',
    '/webhooks/%2e%2e/change',
    '/webhooks/.%2E/change',
    '/webhooks%2f..%2fchange',
    '/webhooks/..%2fchange',
    '/webhooks/x%2f..%2f..%2fchange',
    '/webhooks/%252e%252e/change',
    '/webhooks/..\\change',
    '/webhooks/..%5cchange',
    '/webhooks\\..\\change',
    '/webhooks//change',
    '/webhooks/%00/change',
    '/webhooks/%c0%ae%c0%ae/change',
    '/webhooks/%zz/change',
    '/webhooks/',
    '/webhooks',
    '//webhooks/change',
    '/%77ebhooks/change/x',
    '/WEBHOOKS/../change',
    '/change?/webhooks/a',
    '/change#/webhooks/a',
    '/change;/webhooks/a',
    '/change/webhooks/a',
    '/change/../webhooks/a',
    '/change?path=/webhooks/stripe',
    'http://evil.example/webhooks/../change',
    'http://evil.example/change?/webhooks/a',
    'http://evil.example//webhooks/../change',
];

/** What other sites can make a visitor's browser send to `host` with the cookie, and what they can not, but might like to. */
export function crossSiteRequests(host: string): CrossSiteRequest[] {
    const own = `http://${host}`;
    const origins: Headers[] = [
        ...[EVIL, 'null', 'NULL', '', EVIL.toUpperCase(), `${EVIL}, ${own}`, `${own}, ${EVIL}`, `${own} ${EVIL}`],
        ...[`${own}.evil.example`, `http://x.${host}`, `${own}/`, `${own}@evil.example`, `http://evil.example@${host}`],
        ...[
            `${own}0`,
            `ftp://${host}`,
            `//${host}`,
            host,
            `file://${host}`,
            `chrome-extension://${host}`,
            `${own}#`,
            `${own}?`,
        ],
    ].map((origin): Headers => ({ origin }));
    const sites = [
        'cross-site',
        'same-site',
        'Cross-Site',
        'CROSS-SITE',
        '',
        'same-origin, cross-site',
        'SAME-ORIGIN',
        'None',
    ];
    const senders: Headers[] = [
        ...origins,
        { origin: [own, EVIL] },
        { origin: [own, own] },
        { origin: EVIL, 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
        { origin: EVIL, forwarded: 'host=evil.example;proto=https' },
        { origin: EVIL, 'x-original-host': 'evil.example', 'x-host': 'evil.example' },
        { origin: EVIL, referer: `${own}/change` },
        { origin: EVIL, 'x-requested-with': 'XMLHttpRequest' },
        { origin: EVIL, 'x-csrf-token': 'x'.repeat(66) },
        ...sites.flatMap((site): Headers[] => [
            { 'sec-fetch-site': site },
            { 'sec-fetch-site': site, origin: EVIL },
            { 'sec-fetch-site': site, origin: 'null' },
            { 'sec-fetch-site': site, origin: own },
        ]),
        { 'sec-fetch-site': ['same-origin', 'cross-site'] },
        { 'sec-fetch-site': ['cross-site', 'same-origin'] },
    ];
    const smugglers: Headers[] = [
        { origin: EVIL },
        { origin: 'null' },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site', origin: own },
    ];
    const paths = [
        '/change',
        '/change/',
        '//change',
        '/CHANGE',
        '/./change',
        '/change?a=1',
        `${own}/change`,
        `${EVIL}/change`,
    ];
    return [
        ...senders.flatMap((sender) => [...forms(sender, paths), ...fetches(sender, paths)]),
        ...smugglers.flatMap((sender) => [...forms(sender, SMUGGLED), ...fetches(sender, SMUGGLED)]),
        ...navigations(paths),
    ];
}

function forms(sender: Headers, paths: string[]): CrossSiteRequest[] {
    const bodies = [
        ['application/x-www-form-urlencoded', 'email=evil&_method=DELETE&_csrf=x'],
        ['text/plain', '{"email":"evil","x":"="}'],
        [
            'multipart/form-data; boundary=x',
            '--x\r\ncontent-disposition: form-data; name="email"\r\n\r\nevil\r\n--x--\r\n',
        ],
    ] as const;
    const navigate = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-user': '?1' };
    return paths.flatMap((path, index) => {
        const [type, body] = bodies[index % bodies.length] as (typeof bodies)[number];
        const headers = { ...navigate, 'content-type': type, ...sender };
        return [{ kind: 'cross-site by form', method: 'POST', path, headers, body }];
    });
}

function fetches(sender: Headers, paths: string[]): CrossSiteRequest[] {
    const headers = {
        'sec-fetch-mode': 'cors',
        'sec-fetch-dest': 'empty',
        'content-type': 'application/json',
        ...sender,
    };
    const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'LINK'];
    return paths.flatMap((path, index) => {
        const method = methods[index % methods.length] as string;
        return [{ kind: 'cross-site by fetch', method, path, headers, body: '{"email":"evil"}' }];
    });
}

function navigations(paths: string[]): CrossSiteRequest[] {
    const from = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', referer: `${EVIL}/` };
    return ['GET', 'HEAD', 'OPTIONS'].flatMap((method) =>
        OVERRIDES.flatMap((override) =>
            [...paths, '/change?_method=POST', '/change?_method=DELETE', '/change?email=evil'].map(
                (path): CrossSiteRequest => ({
                    kind: 'cross-site by navigation',
                    method,
                    path,
                    headers: { ...from, ...override },
                }),
            ),
        ),
    );
}
