/** Where the framework is in a clone. */
export const PACKAGE = 'packages/sosise';

/** What only checks or shows the framework, beside its package. */
export const REMOVED = [
    ['example', 'the shop to learn from'],
    ['.ci', 'what checks the framework'],
] as const;

/** Pages that are the framework's while their first line says so, and what comes in their place, if anything. */
export const PAGES = [
    { file: 'README.md', stub: 'README.md.stub', note: 'a short one' },
    { file: 'CHANGELOG.md', stub: 'CHANGELOG.md.stub', note: 'an empty one' },
    { file: '.github/workflows/ci.yml', stub: 'ci.yml.stub', note: 'lint, types, tests and build' },
    { file: 'CONTRIBUTING.md', stub: undefined, note: 'how to work on the framework' },
    { file: 'SECURITY.md', stub: undefined, note: 'whom to tell of a hole in the framework' },
] as const;

/** What the framework has in docs. A page of one's own in that folder stays. */
export const DOCUMENTS = [
    ...['welcome', 'inspector', 'error'].map((name) => `images/${name}.png`),
    ...[
        'application',
        'architecture',
        'coming-from',
        'concurrency',
        'console',
        'deploy',
        'drivers',
        'errors',
        'frontends',
        'hosting',
        'inspector',
        'jobs',
        'monitoring',
        'passport',
        'performance',
        'rate-limit',
        'realtime',
        'recipes',
        'routing',
        'security',
        'sessions',
        'settings',
        'testing',
        'upgrading',
        'views',
    ].map((name) => `${name}.md`),
    'grafana.json',
];

/** What the package needs to be built; all other scripts of it check it, or make its pictures. */
export const SCRIPTS = ['bundle.js', 'packedManifest.js'];

/** Of the package's development packages, those whose types its sources use. The others are for its tests. */
export const TYPES = [
    '@opentelemetry/api',
    '@types/cookie',
    '@types/cookie-signature',
    '@types/pg',
    'connect-redis',
    'pg',
    'redis',
];
