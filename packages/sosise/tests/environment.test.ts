import {
    chmodSync,
    existsSync,
    lstatSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    realpathSync,
    rmSync,
    statSync,
    symlinkSync,
    utimesSync,
    writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'dotenv';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigRepository, type Environment, env, loadEnvironment } from './helpers/inside/Config.js';

import { ConfigError } from './helpers/inside/Exceptions.js';
import { sessionConfig } from './helpers/inside/Session.js';
import { PACKAGE, STOCK } from './stock.js';

const SECRET = /^[\w-]{43}$/;
const EXAMPLE = '# mine\nLISTEN_PORT=10000\nSESSION_SECRET=\n';
let root: string;
let variables: Record<string, string | undefined>;

beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'environment-')));
    variables = {};
    put('sosise.json', '{ "manifest": 1, "name": "shop" }');
});

afterEach(() => {
    chmodSync(root, 0o755);
    rmSync(root, { recursive: true, force: true });
});

function put(name: string, text: string | Buffer): void {
    writeFileSync(join(root, name), text);
}

function get(name: string): string {
    return readFileSync(join(root, name), 'utf8');
}

/** Loads the environment as src/bootstrap/app.ts (or the built one) would. */
function load(entry = 'src/bootstrap/app.ts'): Environment {
    return loadEnvironment(pathToFileURL(join(root, entry)).href, variables);
}

function messageOf(work: () => unknown): string {
    try {
        work();
    } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        return (error as Error).message;
    }
    return 'nothing was thrown';
}

/** Runs as a user whom file modes bind, also when the tests run as root. */
function asOrdinaryUser<T>(work: () => T): T {
    if (process.getuid?.() !== 0) {
        return work();
    }
    process.seteuid?.(65534);
    try {
        return work();
    } finally {
        process.seteuid?.(0);
    }
}

describe('sosise.json', () => {
    test('is found from the entry file upwards, and gives absolute paths', () => {
        const { manifest, root: found } = load();
        expect(found).toBe(root);
        expect(manifest).toEqual({
            file: join(root, 'sosise.json'),
            version: 1,
            name: 'shop',
            paths: {
                storage: join(root, 'storage'),
                logs: join(root, 'storage/logs'),
                sessions: join(root, 'storage/sessions'),
                public: join(root, 'public'),
                controllers: join(root, 'src/app/Http/Controllers'),
                middlewares: join(root, 'src/app/Http/Middlewares'),
                providers: join(root, 'src/app/Providers'),
                exceptions: join(root, 'src/app/Exceptions'),
                services: join(root, 'src/app/Services'),
                commands: join(root, 'src/app/Console/Commands'),
                sessionDrivers: join(root, 'src/app/Session'),
            },
        });
        expect(Object.isFrozen(manifest) && Object.isFrozen(manifest.paths)).toBe(true);
    });

    test('lets logs and sessions follow the storage folder', () => {
        put(
            'sosise.json',
            '\uFEFF{ "manifest": 1, "name": "shop", "paths": { "storage": "var/", "public": "./web" } }',
        );
        expect(load().manifest.paths).toMatchObject({
            storage: join(root, 'var'),
            logs: join(root, 'var/logs'),
            sessions: join(root, 'var/sessions'),
            public: join(root, 'web'),
        });
    });

    test('of a fresh project says what the defaults say, as does its schema', () => {
        const schema = JSON.parse(readFileSync(join(PACKAGE, 'sosise.schema.json'), 'utf8'));
        const given = JSON.parse(readFileSync(join(STOCK, 'sosise.json'), 'utf8'));
        const described = Object.entries<{ default: string }>(schema.properties.paths.properties);
        const defaults = Object.fromEntries(described.map(([name, { default: path }]) => [name, path]));
        expect(given.paths).toEqual(defaults);
        expect(given.$schema).toBe('./node_modules/sosise/sosise.schema.json');
        expect(Object.keys(schema.properties)).toEqual(Object.keys(given));
        expect(schema.properties.manifest.const).toBe(given.manifest);
        expect(load().manifest.paths).toEqual(
            Object.fromEntries(Object.entries(defaults).map(([name, path]) => [name, join(root, path)])),
        );
    });

    test('missing is one sentence', () => {
        rmSync(join(root, 'sosise.json'));
        expect(messageOf(load)).toBe(
            `sosise.json is neither in ${root}/src/bootstrap nor in a folder above it: put one beside package.json, with { "manifest": 1, "name": "my-app" } in it.`,
        );
    });

    test('that is a folder is one sentence', () => {
        rmSync(join(root, 'sosise.json'));
        mkdirSync(join(root, 'sosise.json'));
        expect(messageOf(load)).toBe(
            `${root}/sosise.json can't be read (EISDIR): it must be a file that this user may read.`,
        );
    });

    test('that is not JSON is one sentence', () => {
        const text = '{ "manifest": 1, }';
        put('sosise.json', text);
        let reason = '';
        try {
            JSON.parse(text);
        } catch (error) {
            reason = (error as Error).message; // worded differently by each Node
        }
        expect(messageOf(load)).toBe(
            `${root}/sosise.json is not valid JSON (${reason}): use double quotes, no comments and no trailing commas.`,
        );
    });

    const outside = "outside the project's folder: use a folder inside it, such as";
    test.each<[string, unknown, string]>([
        ['a list', [1], '/sosise.json holds [1]: write a JSON object, { "manifest": 1, … }.'],
        [
            'no version',
            { name: 'a' },
            `sosise.json: manifest is missing: add "manifest": 1, the version of the file's format.`,
        ],
        [
            'an unknown version, whatever else is in it',
            { manifest: 2, title: 'a' },
            'sosise.json: manifest is 2, a version that this framework does not know: use 1, or update sosise.',
        ],
        [
            'a version in quotes',
            { manifest: '1', name: 'a' },
            'sosise.json: manifest is "1", a version that this framework does not know: use 1, or update sosise.',
        ],
        ['no name', { manifest: 1 }, 'sosise.json: name is missing: allowed are non-empty strings.'],
        [
            'an unknown key',
            { manifest: 1, name: 'a', path: {} },
            'sosise.json: path is not a known key: did you mean paths?',
        ],
        [
            'an unknown path',
            { manifest: 1, name: 'a', paths: { controlers: 'x' } },
            'sosise.json: paths.controlers is not a known key: did you mean paths.controllers?',
        ],
        [
            'a key that is like none',
            { manifest: 1, name: 'a', drivers: {} },
            'sosise.json: drivers is not a known key: known are $schema, manifest, name, paths.',
        ],
        [
            'a path outside',
            { manifest: 1, name: 'a', paths: { logs: '../logs' } },
            `sosise.json: paths.logs is "../logs", ${outside} "storage/logs".`,
        ],
        [
            'an absolute path outside',
            { manifest: 1, name: 'a', paths: { storage: '/var/lib/a' } },
            `sosise.json: paths.storage is "/var/lib/a", ${outside} "storage".`,
        ],
        [
            'the root as a path',
            { manifest: 1, name: 'a', paths: { public: 'x/..' } },
            `sosise.json: paths.public is "x/..", the project's own folder: use a folder inside it, such as "public".`,
        ],
        [
            'a path of another type',
            { manifest: 1, name: 'a', paths: { public: 5 } },
            'sosise.json: paths.public is 5: allowed are folders inside the project, as strings.',
        ],
        [
            'two problems',
            { manifest: 1, name: '', paths: { logs: '..' } },
            `The configuration has 2 problems:\nsosise.json: name is "": allowed are non-empty strings.\nsosise.json: paths.logs is "..", ${outside} "storage/logs".`,
        ],
    ])('with %s is one sentence each', (_, content, sentence) => {
        put('sosise.json', JSON.stringify(content));
        expect(messageOf(load)).toBe(sentence.startsWith('/') ? root + sentence : sentence);
    });

    test('takes names that only begin with dots for folders inside', () => {
        put('sosise.json', '{ "manifest": 1, "name": "a", "paths": { "storage": "..data" } }');
        expect(load().manifest.paths.storage).toBe(join(root, '..data'));
    });
});

describe('the name of the environment', () => {
    const ts = 'src/bootstrap/app.ts';
    const js = 'build/bootstrap/app.js';
    test.each<[string, Record<string, string>, string, string, string]>([
        ['is development when TypeScript runs as it is', {}, '', ts, 'development'],
        ['is production for the built app', {}, '', js, 'production'],
        ['is what NODE_ENV says', { NODE_ENV: 'staging', APP_ENV: 'x' }, '', ts, 'staging'],
        ['is what NODE_ENV in .env says', { APP_ENV: 'x' }, 'NODE_ENV=production', ts, 'production'],
        ['is what the real NODE_ENV says, over .env', { NODE_ENV: 'a' }, 'NODE_ENV=b', ts, 'a'],
        ['is what APP_ENV says without NODE_ENV', { APP_ENV: 'production' }, '', ts, 'production'],
        ['is what APP_ENV in .env says', {}, 'APP_ENV=local', js, 'local'],
        ['does not count blanks', { NODE_ENV: ' ', APP_ENV: '' }, 'NODE_ENV=\nAPP_ENV=', js, 'production'],
        ['is read from .env where the real one is blank', { NODE_ENV: '' }, 'NODE_ENV=production', ts, 'production'],
    ])('%s', (_, given, file, entry, name) => {
        variables = { ...given };
        put('.env', file);
        const environment = load(entry);
        expect(environment).toMatchObject({
            name,
            isProduction: name === 'production',
            isDevelopment: name === 'development',
        });
        expect(variables['NODE_ENV']).toBe(name);
    });

    test('that looks like a slip of the pen is told', () => {
        variables = { NODE_ENV: 'Production' };
        expect(load().notices).toEqual([
            'NODE_ENV is "Production", which is not production: did you mean NODE_ENV=production?',
        ]);
        variables = { NODE_ENV: 'staging' };
        expect(load().notices).toEqual([]);
    });
});

describe('.env in development', () => {
    test('is made from .env.example with a fresh secret, readable by its owner only', () => {
        put('.env.example', '# mine\r\nLISTEN_PORT=10000\r\nSESSION_SECRET=known to all\r\n#end');
        expect(load().notices).toEqual(['.env was made from .env.example with a fresh SESSION_SECRET.']);
        const secret = parse(get('.env'))['SESSION_SECRET'] as string;
        expect(secret).toMatch(SECRET);
        expect(get('.env')).toBe(`# mine\r\nLISTEN_PORT=10000\r\nSESSION_SECRET=${secret}\r\n#end`);
        expect(statSync(join(root, '.env')).mode & 0o777).toBe(0o600);
        expect(variables).toEqual({ LISTEN_PORT: '10000', SESSION_SECRET: secret, NODE_ENV: 'development' });
        expect(readdirSync(root).sort()).toEqual(['.env', '.env.example', 'sosise.json']);
        expect(load().notices).toEqual([]);
    });

    test('is made with a secret alone where there is no example', () => {
        expect(load().notices).toEqual(['.env was made with a fresh SESSION_SECRET.']);
        expect(get('.env')).toMatch(/^SESSION_SECRET=[\w-]{43}\n$/);
    });

    test('is made also when the secret is set already, which then wins', () => {
        put('.env.example', EXAMPLE);
        variables = { SESSION_SECRET: 'real', LISTEN_PORT: '1' };
        load();
        expect(get('.env')).not.toContain('real');
        expect(variables).toMatchObject({ SESSION_SECRET: 'real', LISTEN_PORT: '1' });
    });

    test.each<[string, string, string]>([
        ['an empty line', 'A=1\nSESSION_SECRET=\nB=2', 'A=1\nSESSION_SECRET=*\nB=2'],
        ['an empty line with Windows ends', 'A=1\r\nSESSION_SECRET=\r\nB=2\r\n', 'A=1\r\nSESSION_SECRET=*\r\nB=2\r\n'],
        ['empty quotes and a comment', 'export SESSION_SECRET = "" # here\n', 'export SESSION_SECRET =* # here\n'],
        ['the last of several lines', 'SESSION_SECRET=a\nSESSION_SECRET=\n', 'SESSION_SECRET=a\nSESSION_SECRET=*\n'],
        ['no such line', 'A=1\n#SESSION_SECRET=\n', 'A=1\n#SESSION_SECRET=\nSESSION_SECRET=*\n'],
        ['no last newline', 'A=1', 'A=1\nSESSION_SECRET=*\n'],
        ['Windows ends and no such line', 'A=1\r\nB=2', 'A=1\r\nB=2\r\nSESSION_SECRET=*\r\n'],
        ['nothing at all', '', 'SESSION_SECRET=*\n'],
        [
            'such a line inside another value',
            'A="x\nSESSION_SECRET=\ny"\n',
            'A="x\nSESSION_SECRET=\ny"\nSESSION_SECRET=*\n',
        ],
        ['an open quote', 'A="x\n', 'A="x\nSESSION_SECRET=*\n'],
        ['a mark of byte order', '\uFEFFSESSION_SECRET=\n', '\uFEFFSESSION_SECRET=\nSESSION_SECRET=*\n'],
    ])('gets a secret where it has %s', (_, before, after) => {
        put('.env', before);
        chmodSync(join(root, '.env'), 0o640);
        expect(load().notices).toEqual(['A fresh SESSION_SECRET was written into .env.']);
        expect(variables['SESSION_SECRET']).toMatch(SECRET);
        expect(get('.env')).toBe(after.replace('*', variables['SESSION_SECRET'] as string));
        expect(statSync(join(root, '.env')).mode & 0o777).toBe(0o640);
        expect(readdirSync(root).sort()).toEqual(['.env', 'sosise.json']);
    });

    test('keeps bytes of any encoding', () => {
        put('.env', Buffer.from([0x41, 0x3d, 0xe9, 0xff, 0x0a]));
        load();
        expect(readFileSync(join(root, '.env')).subarray(0, 5)).toEqual(Buffer.from([0x41, 0x3d, 0xe9, 0xff, 0x0a]));
    });

    test('gets its secret through a link, which stays one', () => {
        put('real.env', 'SESSION_SECRET=\n');
        symlinkSync('real.env', join(root, '.env'));
        load();
        expect(lstatSync(join(root, '.env')).isSymbolicLink()).toBe(true);
        expect(parse(get('real.env'))['SESSION_SECRET']).toBe(variables['SESSION_SECRET']);
    });

    test('is left alone when it has a secret, or the environment has', () => {
        put('.env', 'SESSION_SECRET=mine');
        variables = { SESSION_SECRET: '' }; // blank, so that the file's counts
        load();
        expect([get('.env'), variables['SESSION_SECRET']]).toEqual(['SESSION_SECRET=mine', 'mine']);
        put('.env', 'SESSION_SECRET=');
        variables = { SESSION_SECRET: 'real' };
        expect(load().notices).toEqual([]);
        expect([get('.env'), variables['SESSION_SECRET']]).toEqual(['SESSION_SECRET=', 'real']);
    });

    test('gets its secret although a process died while it wrote one', () => {
        put('.env', 'SESSION_SECRET=\n');
        put('.env.new', 'SESSION_SEC');
        utimesSync(join(root, '.env.new'), 0, 0);
        load();
        expect(get('.env')).toBe(`SESSION_SECRET=${variables['SESSION_SECRET']}\n`);
    });

    test('that can not be written gives a secret for this run, and says so', () => {
        put('.env', 'A=1\nSESSION_SECRET=\n');
        chmodSync(join(root, '.env'), 0o644);
        chmodSync(root, 0o555);
        expect(asOrdinaryUser(load).notices).toEqual([
            ".env can't be written (EACCES): SESSION_SECRET is random for this run, and sessions end with it. Make the folder writable, or set SESSION_SECRET yourself.",
        ]);
        expect(variables).toMatchObject({ A: '1', SESSION_SECRET: expect.stringMatching(SECRET) });
        expect(get('.env')).toBe('A=1\nSESSION_SECRET=\n');
    });

    test('that can not be made is no matter where the secret is set', () => {
        put('.env.example', EXAMPLE);
        chmodSync(root, 0o555);
        variables = { SESSION_SECRET: 'real' };
        expect(asOrdinaryUser(load).notices).toEqual([]);
        expect(existsSync(join(root, '.env'))).toBe(false);
    });
});

describe('.env anywhere else', () => {
    test('is neither made nor changed, and production gets no secret', () => {
        put('.env.example', EXAMPLE);
        for (const [entry, name] of [
            ['build/bootstrap/app.js', ''],
            ['src/bootstrap/app.ts', 'production'],
            ['src/bootstrap/app.ts', 'staging'],
        ] as const) {
            variables = { NODE_ENV: name };
            expect(load(entry).notices).toEqual([]);
            expect(variables['SESSION_SECRET']).toBeUndefined();
        }
        expect(existsSync(join(root, '.env'))).toBe(false);
        put('.env', 'NODE_ENV=production\nSESSION_SECRET=\n');
        variables = {};
        load();
        expect(get('.env')).toBe('NODE_ENV=production\nSESSION_SECRET=\n');
    });

    test('is not touched by tests, which get a secret of their own', () => {
        put('.env.example', EXAMPLE);
        for (const given of [{ NODE_ENV: 'test' }, { VITEST: 'true' }, { VITEST: 'true', NODE_ENV: 'development' }]) {
            variables = { ...given };
            expect(load().notices).toEqual([]);
            expect(variables['SESSION_SECRET']).toMatch(SECRET);
        }
        expect(existsSync(join(root, '.env'))).toBe(false);
        variables = { VITEST: 'true', NODE_ENV: 'production' };
        load();
        expect(variables['SESSION_SECRET']).toBeUndefined();
    });

    test('is loaded in production, quietly and under what is set already', () => {
        put('.env', 'LISTEN_PORT=5\nA=file\nSESSION_SECRET=s');
        variables = { A: 'real' };
        load('build/bootstrap/app.js');
        expect(variables).toEqual({ LISTEN_PORT: '5', A: 'real', SESSION_SECRET: 's', NODE_ENV: 'production' });
    });

    test.each([
        ['what a platform sets as PORT wins over the LISTEN_PORT of the file', { PORT: '8080' }, 8080],
        ['of two that are set outside the first counts', { PORT: '8080', LISTEN_PORT: '9' }, 9],
        ['what is set outside counts, also where the file says the same', { LISTEN_PORT: '9', PORT: '10000' }, 9],
        ['without any the file counts', {}, 10_000],
        ['what is blank is not set', { PORT: ' ' }, 10_000],
    ])('%s: %j', (_rule, outside: Record<string, string>, port) => {
        put('.env', 'LISTEN_PORT=10000\nPORT=7\n');
        const saved = process.env;
        process.env = { NODE_ENV: 'production', ...outside };
        try {
            for (const _start of [1, 2]) {
                loadEnvironment(pathToFileURL(join(root, 'src/bootstrap/app.ts')).href);
                expect(env.integer(['LISTEN_PORT', 'PORT'])).toBe(port);
            }
        } finally {
            process.env = saved;
        }
    });

    test('that is a folder is one sentence', () => {
        mkdirSync(join(root, '.env'));
        expect(messageOf(load)).toBe(
            `${root}/.env is a folder: remove it, or put a file with lines like LISTEN_PORT=10000 in its place.`,
        );
    });

    test('that can not be read is one sentence', () => {
        put('.env', 'A=1');
        chmodSync(root, 0o755);
        chmodSync(join(root, '.env'), 0);
        expect(messageOf(() => asOrdinaryUser(load))).toBe(
            `${root}/.env can't be read (EACCES): give the user that runs the application the right to read it, with chown or chmod.`,
        );
    });

    test('in another encoding is one sentence', () => {
        put('.env', Buffer.from('\uFEFFA=1', 'utf16le'));
        expect(messageOf(load)).toBe(
            `${root}/.env is not UTF-8 text: save it in that encoding (PowerShell's > writes UTF-16).`,
        );
    });
});

describe('a value that is cut at a # in .env', () => {
    const SENTENCE = 'in .env ends before a #, where a comment begins: put the value between quotes.';

    test.each<[string, string[]]>([
        ['SESSION_SECRET=abc#def\n', ['SESSION_SECRET']],
        ['export SESSION_SECRET=abc#\r\nA=1', ['SESSION_SECRET']],
        ['SESSION_SECRET: abc#def', ['SESSION_SECRET']],
        ['SESSION_SECRET=#abc', ['SESSION_SECRET']],
        ['DATABASE_URL=postgres://shop:pa#ss@db/shop\nB=1#2', ['DATABASE_URL', 'B']],
        ['SESSION_SECRET=abc # mine', []],
        ['SESSION_SECRET= # mine', []],
        ['SESSION_SECRET=\'abc#def\'\nB="1#2" # two\nC=`#`', []],
        ['# A=1#2\nSESSION_SECRET=abc', []],
        ['A=1#2\nA=3', []],
    ])('%j is said', (file, names) => {
        put('.env', file);
        const { notices, cutVariables } = load('build/bootstrap/app.js');
        expect(cutVariables).toEqual(names);
        expect(notices).toEqual(names.map((name) => `${name} ${SENTENCE}`));
    });

    test('stays as it is where development would fill an empty secret in', () => {
        put('.env', 'SESSION_SECRET=#abc');
        expect(load().notices).toEqual([`SESSION_SECRET ${SENTENCE}`]);
        expect(get('.env')).toBe('SESSION_SECRET=#abc');
        expect(variables['SESSION_SECRET']).toMatch(/^[\w-]{43}$/);
    });

    test('is not, where the real environment wins over it', () => {
        put('.env', 'SESSION_SECRET=abc#def');
        variables['SESSION_SECRET'] = 'real';
        expect(load('build/bootstrap/app.js').notices).toEqual([]);
    });

    test.each([
        ['q7Xk2#Lm9Rt4Vw8Yz1Bc5Df3Gh6Jn0Pp2', 'shorter than 32 characters.'],
        ['#Lm9Rt4Vw8Yz1Bc5Df3Gh6Jn0Pp2q7Xk2', "missing: sessions can't be signed."],
    ])('is named where production refuses the secret %s', (secret, weakness) => {
        put('.env', `SESSION_SECRET=${secret}`);
        const environment = load('build/bootstrap/app.js');
        const config = () =>
            new ConfigRepository({
                definitions: [sessionConfig],
                files: { session: { enabled: true, secret: variables['SESSION_SECRET'] } },
                overrides: {},
                environment,
            });
        expect(messageOf(config)).toBe(`src/config/session.ts: secret is ${weakness} SESSION_SECRET ${SENTENCE}`);
    });
});

describe('a variable that names a file, as secrets of Docker and Kubernetes come', () => {
    const TEXT = 'b4Qx8-from-a-file';
    const saved = process.env;
    const file = () => join(root, 'secret');

    beforeEach(() => put('secret', `${TEXT}\n`));
    afterEach(() => {
        process.env = saved;
    });

    /** What the config reads, after a start with these variables set outside. */
    function given(outside: Record<string, string>, entry = 'build/bootstrap/app.js'): string | undefined {
        process.env = outside;
        loadEnvironment(pathToFileURL(join(root, entry)).href);
        return env.string(['OTHER', 'SESSION_SECRET']);
    }

    test('gives its text, of any variable that the config reads', () => {
        expect(given({ SESSION_SECRET_FILE: file() })).toBe(TEXT);
        put('.env', `SESSION_SECRET_FILE=${file()}\n`);
        expect(given({})).toBe(TEXT);
        put('number', '8080\r\n');
        process.env['PORT_FILE'] = join(root, 'number');
        expect(env.integer('PORT')).toBe(8080);
        expect(env.integer('LOST')).toBeUndefined();
    });

    test('development makes no secret beside it', () => {
        for (const content of [undefined, 'SESSION_SECRET=\n', `SESSION_SECRET_FILE=${file()}\n`]) {
            rmSync(join(root, '.env'), { force: true });
            if (content !== undefined) {
                put('.env', content);
            }
            const isInside = content?.includes('_FILE') ?? false;
            expect(given(isInside ? {} : { SESSION_SECRET_FILE: file() }, 'src/bootstrap/app.ts')).toBe(TEXT);
            expect(process.env['SESSION_SECRET']).toBeUndefined();
            expect(existsSync(join(root, '.env')) ? get('.env') : undefined).toBe(content);
        }
    });

    test('outside wins over the value in .env, and the other way round', () => {
        put('.env', 'SESSION_SECRET=of the file\n');
        expect(given({ SESSION_SECRET_FILE: file() })).toBe(TEXT);
        put('.env', `SESSION_SECRET_FILE=${file()}\n`);
        expect(given({ SESSION_SECRET: 'real' })).toBe('real');
        expect(given({ SESSION_SECRET_FILE: ' ', SESSION_SECRET: 'real' })).toBe('real');
    });

    test('that is missing or empty, or stands beside the value, is one sentence without the value', () => {
        put('empty', '\n');
        expect(messageOf(() => given({ SESSION_SECRET_FILE: '/nowhere/secret' }))).toBe(
            "SESSION_SECRET_FILE names /nowhere/secret, which can't be read (ENOENT): correct the path, or give this user the right to read it.",
        );
        expect(messageOf(() => given({ SESSION_SECRET_FILE: join(root, 'empty') }))).toBe(
            `SESSION_SECRET_FILE names ${root}/empty, which is empty: put the value into it.`,
        );
        expect(messageOf(() => given({ SESSION_SECRET_FILE: file(), SESSION_SECRET: 'real' }))).toBe(
            'SESSION_SECRET and SESSION_SECRET_FILE are both set: remove one of them.',
        );
    });
});

test('.env.example sets the port, leaves the secret empty, and says nothing of the sessions themselves', () => {
    const example = readFileSync(join(STOCK, '.env.example'), 'utf8');
    expect(parse(example)).toEqual({ LISTEN_PORT: '10000', SESSION_SECRET: '' });
    expect(example).not.toMatch(/SESSION_(ENABLED|DRIVER)/);
});
