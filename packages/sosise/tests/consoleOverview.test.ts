import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ConfigOverrides } from 'sosise';
import { type ApplicationKernel, HttpPipeline } from 'sosise';
import { Command, type CommandInput, UsageError } from 'sosise/console';
import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Ran } from './consoleProject.js';
import { type CommandList, Terminal } from './helpers/inside/Console.js';
import { masked, VERSION } from './helpers/inside/Support.js';
import { SECRET } from './helpers/sessionApp.js';
import { inThisProcess } from './inThisProcess.js';
import { PACKAGE, PROJECT, STOCK } from './stock.js';

interface Setting {
    session?: ConfigOverrides['session'];
    config?: ConfigOverrides;
    commands?: CommandList | (() => Promise<{ default: CommandList }>);
}

/** The applications that commands have made. */
let made: ApplicationKernel[] = [];

beforeEach(() => {
    made = [];
    vi.stubEnv('FORCE_COLOR', undefined);
});
afterEach(() => {
    vi.unstubAllEnvs();
});

/** Runs a command line on a fresh project, in this process. */
async function artisan(line: string, { session, config, commands = {} }: Setting = {}): Promise<Ran> {
    return inThisProcess(
        {
            entryUrl: pathToFileURL(join(STOCK, 'src/artisan.ts')).href,
            config: { session: () => import('./stock/src/config/session.js') },
            commands: typeof commands === 'function' ? commands : async () => ({ default: commands }),
            bootstrap: async () => {
                const { createApplication } = await import('./stock/src/bootstrap/app.js');
                return {
                    createApplication: async (overrides) => {
                        const app = await createApplication({ ...overrides, ...config, ...(session && { session }) });
                        made.push(app);
                        return app;
                    },
                };
            },
        },
        line,
    );
}

async function printedBy(line: string, setting?: Setting): Promise<string> {
    const { code, output, errors } = await artisan(line, setting);
    expect([code, errors]).toEqual([0, '']);
    return output;
}

async function jsonOf(line: string, setting?: Setting) {
    return JSON.parse(await printedBy(`${line} --json`, setting));
}

/** Nothing listens there. */
const AWAY = { enabled: true, secret: SECRET, driver: 'redis', drivers: { redis: { port: 1 } } };

describe('about', () => {
    test('tells versions, environment, paths and what is on, below each other', async () => {
        const output = await printedBy('about');
        expect(output.match(/^\w.*$/gm)).toEqual(['Application', 'Versions', 'Paths', 'HTTP', 'Sessions', 'Logging']);
        expect(output).toMatch(/^ {2}Environment {7}test$/m);
        expect(output).toMatch(/^ {2}Named by {10}NODE_ENV$/m);
        expect(output).toMatch(/^ {2}Code {14}source \(src\/artisan\.ts\)$/m);
        expect(output).toMatch(/^ {2}Express {11}5\.\d+\.\d+$/m);
        expect(output).toMatch(/^ {2}logs {14}storage\/logs$/m);
        expect(output).toMatch(/^ {2}Trust proxy {7}nobody$/m);
        expect(output).toMatch(/^ {2}Enabled {11}no: enable them in src\/config\/session\.ts$/m);
    });

    test('tells how sessions are set up, without asking their store, which may be down', async () => {
        const session = { ...AWAY, fallback: ['file'], encrypt: true, name: 'shop', idle: 90_000 };
        const output = await printedBy('about', { session });
        expect(output).toMatch(/^ {2}Driver {12}redis$/m);
        expect(output).toMatch(/^ {2}Fallback {10}file$/m);
        expect(output).toMatch(/^ {2}Encryption {8}on$/m);
        expect(output).toMatch(/^ {2}Cookie {12}shop \(Max-Age=7200; Path=\/; HttpOnly; SameSite=lax\)$/m);
        expect(output).toMatch(/^ {2}Idle end {10}after 90 seconds$/m);
        expect(output).toMatch(/^ {2}Absolute end {6}after 7 days$/m);
        expect(output).not.toContain(SECRET);
        expect(made.map(({ state }) => state)).toEqual(['created']);
    });

    test('gives JSON, with times in ms', async () => {
        const { version } = JSON.parse(readFileSync(join(STOCK, 'package.json'), 'utf8'));
        expect(await jsonOf('about', { session: { ...AWAY, absolute: null, cookie: { maxAge: null } } })).toMatchObject(
            {
                application: { name: 'sosise-skeleton', version, environment: 'test', code: 'source', root: STOCK },
                versions: { sosiseSkeleton: VERSION, nodeJs: process.versions.node },
                paths: { sessionDrivers: join(STOCK, 'src/app/Session') },
                http: { trustProxy: false, csrfCheck: true },
                sessions: { enabled: true, driver: 'redis', idleEnd: 7_200_000, absoluteEnd: null },
            },
        );
    });

    test('a wrong config is told as at start-up, and ends it with 1', async () => {
        const { code, output, errors } = await artisan('about', { session: { driver: '' } });
        expect([code, output]).toEqual([1, '']);
        expect(errors).toMatch(/^src\/config\/session\.ts: driver is "".*\n$/);
    });

    test('the version of the framework is that of the skeleton', () => {
        const { name, version } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'));
        expect(name === 'sosise-skeleton' ? version : VERSION).toBe(VERSION);
        expect(JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')).version).toBe(VERSION);
    });
});

describe('route:list', () => {
    test('lists the routes, also while the session store is down, and takes the application down again', async () => {
        expect(await printedBy('route:list', { session: AWAY })).toBe(`Method  Path    Handler                Middleware
GET     /up     health
GET     /ready  ready
GET     /       IndexController@index

Before all of your routes: ExampleMiddleware
`);
        expect(made.map(({ state }) => state)).toEqual(['terminated']);
    });

    test('gives JSON', async () => {
        expect(await jsonOf('route:list')).toContainEqual({
            method: 'GET',
            path: '/',
            handler: 'IndexController@index',
            middleware: [],
            stage: 'routes',
        });
    });

    test('lists the stages that every request passes, in their order', async () => {
        const stages = await jsonOf('route:list --stages');
        expect(stages.map(({ name }: { name: string }) => name)).toEqual(new HttpPipeline().names());
        expect(stages).toContainEqual({ name: 'middlewares', handlers: ['ExampleMiddleware'] });
        expect(await printedBy('route:list --stages')).toMatch(/^middlewares +ExampleMiddleware\nroutes +a router$/m);
    });
});

describe('config:show', () => {
    test('shows what the application has: defaults, files and overrides together', async () => {
        const output = await printedBy('config:show', { session: { idle: 60_000 } });
        expect(output.match(/^\w.*$/gm)).toEqual(['app', 'http', 'logging', 'session']);
        expect(output).toMatch(/^ {2}name +"sosise-skeleton"$/m);
        expect(output).toMatch(/^ {2}idle +60000$/m);
        expect(output).toMatch(/^ {2}cookie\.maxAge +7200000$/m);
        expect(output).not.toMatch(/^ {2}console /m); // what the console lays over it is not the application's
    });

    test('shows one file, and a part of one, with keys of your own', async () => {
        const config = { app: { name: 'shop', mail: { from: 'a@b.c', hosts: ['x', 'y'], retry: { times: 3 } } } };
        expect(await printedBy('config:show app', { config })).toBe(`app
  name              "shop"
  mail.from         "a@b.c"
  mail.hosts        ["x", "y"]
  mail.retry.times  3
`);
        expect(await printedBy('config:show app.mail.retry', { config })).toBe('app.mail.retry\n  times  3\n');
        expect(await printedBy('config:show app.mail.hosts.1', { config })).toBe('"y"\n');
        expect(await jsonOf('config:show app.mail', { config })).toEqual(config.app.mail);
    });

    test('masks secrets, whatever part is asked for', async () => {
        const session = {
            enabled: true,
            secret: [SECRET, SECRET.toUpperCase()],
            drivers: { redis: { url: `redis://user:${SECRET}@host:6379/0`, password: SECRET } },
        };
        for (const line of [
            'config:show',
            'config:show session',
            'config:show session.secret',
            'config:show session.secret.0',
        ]) {
            for (const flag of ['', ' --json']) {
                const output = await printedBy(line + flag, { session });
                expect(output).toContain('****');
                expect(output.toLowerCase()).not.toContain(SECRET.toLowerCase());
            }
        }
        expect(await printedBy('config:show session.drivers.redis.url', { session })).toBe(
            '"redis://user:****@host:6379/0"\n',
        );
    });

    test.each([
        ['sesion', 'There is no configuration sesion: did you mean session?'],
        ['session.cokie', 'There is no configuration session.cokie: did you mean session.cookie?'],
        [
            'session.cookie.path.x',
            'There is no configuration session.cookie.path.x: there are app, http, logging, session.',
        ],
        ['zzzzzz', 'There is no configuration zzzzzz: there are app, http, logging, session.'],
        ['app.constructor', 'There is no configuration app.constructor: there is app.name.'],
    ])('says which is nearest to %s', async (path, sentence) => {
        expect(await artisan(`config:show ${path}`)).toEqual({ code: 2, output: '', errors: `${sentence}\n` });
    });
});

describe('a value of the config is masked', () => {
    test.each<[string, unknown, unknown]>([
        ['apiKey', 'abc', '****'],
        [
            'pin',
            { password: 1234, credentials: { user: 'a', rounds: 3 } },
            { password: '****', credentials: { user: '****', rounds: '****' } },
        ],
        ['tokens', ['a', 'b'], ['****', '****']],
        ['accessToken', () => 'abc', '****'],
        ['dsn', 'mongodb://me:p/w@a,b/db?x=1&authToken=abc', 'mongodb://me:****@a,b/db?x=1&authToken=****'],
        ['dsn', 'https://abcdef@host/1', 'https://****@host/1'],
        ['dsn', new URL('redis://:abc@host'), 'redis://:****@host'],
        ['dsn', 'host=db user=me password=abc', 'host=db user=me password=****'],
        ['header', 'Bearer abc.def', 'Bearer ****'],
        ['pem', '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----', '****'],
        ['schema', v.object({ token: v.string() }), '[a schema of valibot]'],
    ])('%s: %j', (name, value, shown) => {
        expect(masked(value, name)).toEqual(shown);
    });

    test.each<[string, unknown, unknown]>([
        ['secret', '', ''],
        ['password', null, null],
        ['tokens', true, true],
        ['keys', 1000, 1000],
        ['cookie', { name: 'sid' }, { name: 'sid' }],
        ['site', 'https://example.com/?page=2', 'https://example.com/?page=2'],
        ['genid', function genid() {}, '[Function genid]'],
        ['genid', () => {}, '[Function]'],
        ['until', new Date(0), '1970-01-01T00:00:00.000Z'],
        ['like', /^a/i, '/^a/i'],
        ['big', 1n, '1'],
        ['client', new Map(), '[an instance of Map]'],
        ['list', [undefined, 'a'], [null, 'a']],
    ])('and left as it is otherwise: %s', (name, value, shown) => {
        expect(masked(value, name)).toEqual(shown);
    });
});

class SendReport extends Command {
    public readonly signature: string = 'report:send <address> [day]';
    public readonly description: string = 'Sends the report';
    public override readonly options = [{ flag: '--dry-run', description: 'send nothing' }];

    public async handle({ arguments: [address, day], options }: CommandInput): Promise<void> {
        if (address === 'nobody') {
            throw new UsageError('Nobody can not be written to: name an address.');
        }
        const app = await this.app();
        this.line(JSON.stringify({ address, day, ...options, state: app.state, same: app === (await this.app()) }));
        if (address === 'away') {
            throw new Error('The mail server is away.');
        }
    }
}

describe('commands of your own', () => {
    const commands: CommandList = { 'report:send': async () => ({ default: SendReport }) };

    test('get what they were called with, and the one application, which is taken down behind them', async () => {
        expect(JSON.parse(await printedBy('report:send a@b.c monday --dry-run', { commands }))).toEqual({
            address: 'a@b.c',
            day: 'monday',
            dryRun: true,
            state: 'booted',
            same: true,
        });
        expect(made.map(({ state }) => state)).toEqual(['terminated']);
    });

    test('that fail end with one sentence and 1, and the application is taken down too', async () => {
        const { code, errors } = await artisan('report:send away', { commands });
        expect([code, errors]).toEqual([1, 'The mail server is away. (-v shows where it happened)\n']);
        expect(made.map(({ state }) => state)).toEqual(['terminated']);
        const { errors: stack } = await artisan('report:send away -v', { commands });
        expect(stack).toMatch(
            /^Error: The mail server is away\.\n +at SendReport\.handle \(.*consoleOverview\.test\.ts:\d+/,
        );
    });

    test.each([
        ['report:send', "Missing required argument 'address': ./artisan report:send --help shows how it is used."],
        ['report:send nobody', 'Nobody can not be written to: name an address.'],
        ['report:snd', 'There is no command report:snd: did you mean report:send?'],
        ['report:send a --dry-rnu', "Unknown option '--dry-rnu': did you mean --dry-run?"],
    ])('that are called wrongly end with 2: %s', async (line, sentence) => {
        expect(await artisan(line, { commands })).toEqual({ code: 2, output: '', errors: `${sentence}\n` });
    });

    test('win over those of the framework that have the same name', async () => {
        class Mine extends SendReport {
            public override readonly signature = 'key:generate <address>';
        }
        const mine: CommandList = { 'key:generate': async () => Mine };
        expect(await printedBy('key:generate a@b.c', { commands: mine })).toContain('a@b.c');
        expect(await printedBy('list', { commands: mine })).toMatch(/^ {2}key:generate +Sends the report$/m);
    });

    test('that are broken are listed with the reason, and leave the others usable', async () => {
        class Undescribed extends SendReport {
            public override readonly signature = 'own:undescribed';
            public override readonly description = undefined as unknown as string;
        }
        class Unreadable extends SendReport {
            public override readonly signature = 'own:unreadable <a...> <b>';
        }
        const broken = {
            ...commands,
            'own:missing': () => Promise.reject(new Error("Cannot find module './Gone.js'\nRequired by you")),
            'own:other': async () => SendReport,
            'own:plain': async () => class {},
            'own:undescribed': async () => Undescribed,
            'own:unreadable': async () => Unreadable,
        } as unknown as CommandList;
        const lines = (await printedBy('list', { commands: broken })).split('\n');
        const listed = (name: string) => lines.filter((line) => line.startsWith(`  ${name} `));
        expect(listed('report:send')).toEqual([expect.stringMatching(/Sends the report$/)]);
        expect(listed('own:missing')).toEqual([
            expect.stringMatching(/can't be loaded: Cannot find module '.\/Gone.js' Required by you$/),
        ]);
        expect(listed('own:other')).toEqual([
            expect.stringMatching(/its signature is \[report:send <address> \[day\]\]: use the same name/),
        ]);
        expect(listed('own:plain')).toEqual([expect.stringMatching(/is no class that extends Command/)]);
        expect(listed('own:undescribed')).toEqual([
            expect.stringMatching(/has no description: give its class a description/),
        ]);
        expect(listed('own:unreadable')).toEqual([
            expect.stringMatching(/can't be read \(only the last argument can be variadic/),
        ]);
        expect(await jsonOf('list', { commands: broken })).toContainEqual({
            name: 'report:send',
            description: 'Sends the report',
        });
        expect((await artisan('own:plain', { commands: broken })).code).toBe(1);
    });

    test('whose list is broken leave the commands of the framework usable', async () => {
        const commands = () => Promise.reject(new Error("Cannot find module './gone.js'"));
        const reason = "src/app/Console/Kernel.ts can't be loaded: Cannot find module './gone.js'.";
        const listed = await artisan('list', { commands });
        expect([listed.code, listed.errors]).toEqual([0, '']);
        expect(listed.output).toMatch(/^ {2}key:generate /m);
        expect(listed.output.trimEnd().split('\n').at(-1)).toBe(reason);
        const { code, output, errors } = await artisan('key:generate --show', { commands });
        expect([code, output]).toEqual([0, expect.stringMatching(/^[\w-]{43}\n$/)]);
        expect(errors).toBe(`${reason} It may have a key:generate of yours: this is the framework's.\n`);
        expect(await artisan('report:send a', { commands })).toEqual({ code: 1, output: '', errors: `${reason}\n` });
    });
});

describe('the terminal', () => {
    function painted(isTTY: boolean, env: Record<string, string> = {}): string {
        const stream = { isTTY } as NodeJS.WriteStream;
        return new Terminal(() => stream, { TERM: 'xterm-256color', ...env }).paint('red', 'a');
    }

    test('has colours where a person looks at it, and none in a pipe', () => {
        expect(painted(true)).toBe('\x1b[31ma\x1b[39m');
        expect(painted(false)).toBe('a');
    });

    test('has none where NO_COLOR is set, or the terminal knows none', () => {
        expect(painted(true, { NO_COLOR: '1' })).toBe('a');
        expect(painted(true, { TERM: 'dumb' })).toBe('a');
    });

    test('has them in a pipe too where FORCE_COLOR asks for them, and nowhere where that is 0', () => {
        expect(painted(false, { FORCE_COLOR: '1' })).toBe('\x1b[31ma\x1b[39m');
        expect(painted(true, { FORCE_COLOR: '0' })).toBe('a');
    });
});
