import {
    mkdtempSync,
    readdirSync,
    readFileSync,
    realpathSync,
    rmSync,
    statSync,
    symlinkSync,
    writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'dotenv';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Ran } from './consoleProject.js';
import { loadEnvironment, randomSecret, withVariable } from './helpers/inside/Config.js';
import { type ConsoleSessionConfig, frameworkCommands } from './helpers/inside/Console.js';
import { inThisProcess } from './inThisProcess.js';

const SECRET = /^[\w-]{43}$/;
const USAGE = 'Usage: ./artisan COMMAND [OPTIONS]\n';

/** The commands of a list that is as it should be: a line each, sorted in their groups, the descriptions below each other. */
function listedIn(output: string): string[] {
    const [usage, help, ...blocks] = output.trimEnd().split(/\n\n|(?<=OPTIONS\])\n/);
    expect([`${usage}\n`, help]).toEqual([USAGE, '       ./artisan COMMAND --help']);
    const names = blocks.flatMap((block) => {
        const group = /^(\w+)\n/.exec(block)?.[1] ?? '';
        const lines = block.slice(group === '' ? 0 : group.length + 1).split('\n');
        const found = lines.map((line) => /^ {2}(\S+)/.exec(line)?.[1] ?? line);
        expect(found.filter((name) => name.slice(0, Math.max(0, name.indexOf(':'))) !== group)).toEqual([]);
        expect(found).toEqual(found.toSorted());
        return found;
    });
    const width = Math.max(...names.map((name) => name.length));
    const lines = output.split('\n').filter((line) => /^ {2}\S/.test(line));
    expect(
        lines.filter(
            (line) => !/^ {2}\S+ * {2}[A-Z]/.test(line) || line.slice(width + 2, width + 5).trim().length !== 1,
        ),
    ).toEqual([]);
    return names;
}

describe('in a project', () => {
    let root: string;

    beforeEach(() => {
        root = realpathSync(mkdtempSync(join(tmpdir(), 'console-')));
        put('sosise.json', '{ "manifest": 1, "name": "shop" }');
        vi.stubEnv('FORCE_COLOR', undefined);
        vi.stubEnv('SESSION_SECRET', undefined);
        vi.stubEnv('SESSION_PREVIOUS_SECRETS', undefined);
    });

    afterEach(() => {
        vi.unstubAllEnvs();
        vi.useRealTimers();
        rmSync(root, { recursive: true, force: true });
    });

    function put(name: string, content: string): void {
        writeFileSync(join(root, name), content);
    }

    function env(): string {
        return readFileSync(join(root, '.env'), 'utf8');
    }

    /** The session config of src/config/session.ts, read when it is loaded. */
    function fromVariables(rest: Omit<ConsoleSessionConfig, 'secret'> = {}) {
        const { SESSION_SECRET, SESSION_PREVIOUS_SECRETS = '' } = process.env;
        return { ...rest, secret: [SESSION_SECRET, ...SESSION_PREVIOUS_SECRETS.split(',')] };
    }

    /** Runs a command line in this process. */
    async function artisan(line: string, session: () => ConsoleSessionConfig = fromVariables): Promise<Ran> {
        return inThisProcess(
            {
                entryUrl: pathToFileURL(join(root, 'src/artisan.ts')).href,
                config: { session: async () => ({ default: session() }) },
                bootstrap: () => Promise.reject(new Error('No application is needed here.')),
            },
            line,
        );
    }

    /** The error that a command line ends with, and its exit code. */
    async function failureOf(line: string, session?: () => ConsoleSessionConfig): Promise<[number, string]> {
        const { code, output, errors } = await artisan(line, session);
        expect(output).toBe('');
        return [code, errors];
    }

    describe('the console', () => {
        test.each(['', 'list', '--help', '-h', 'help', '-v'])('lists the commands for [%s]', async (line) => {
            const { code, output, errors } = await artisan(line);
            expect([code, errors]).toEqual([0, '']);
            expect(listedIn(output).toSorted()).toEqual(Object.keys(frameworkCommands).toSorted());
        });

        test.each(['key:generate --help', 'help key:generate', 'key:generate -h'])(
            'shows how a command is used for [%s]',
            async (line) => {
                const { code, output, errors } = await artisan(line);
                expect([code, errors]).toEqual([0, '']);
                expect(output).toMatch(/^Usage: \.\/artisan key:generate \[options\]\n\nWrites a new SESSION_SECRET/);
                expect(output).toMatch(/--force .*\n.*--show .*\n[\s\S]*--verbose/);
            },
        );

        test.each([
            ['key:genrate', 'There is no command key:genrate: did you mean key:generate?'],
            ['key', 'There is no command key: there are key:generate, key:rotate.'],
            ['serve', 'There is no command serve: ./artisan list shows those that there are.'],
            ['toString', 'There is no command toString: ./artisan list shows those that there are.'],
            ['key:generate --froce', "Unknown option '--froce': did you mean --force?"],
            ['--verbos', "Unknown option '--verbos': did you mean --verbose?"],
            ['key:rotate -x', "Unknown option '-x': ./artisan key:rotate --help shows how it is used."],
            ['key:rotate a', "Too many arguments for 'key:rotate': ./artisan key:rotate --help shows how it is used."],
        ])('answers [%s] with one sentence and exit code 2', async (line, sentence) => {
            expect(await failureOf(line)).toEqual([2, `${sentence}\n`]);
        });

        test('tells what failed in one sentence, and with -v also where', async () => {
            rmSync(join(root, 'sosise.json'));
            const [code, sentence] = await failureOf('key:generate');
            expect([code, sentence]).toEqual([1, expect.stringMatching(/^sosise\.json is neither in [^\n]*\n$/)]);
            const [, stack] = await failureOf('key:generate -v');
            expect(stack).toMatch(/ConfigError: sosise\.json is neither in [\s\S]*\n +at .*Manifest\.ts/);
        });

        test('says how to see where an error of the application comes from', async () => {
            put('.env', `SESSION_SECRET=${randomSecret()}\n`);
            const broken = () => {
                throw new TypeError('config is not a function');
            };
            const sentence = 'config is not a function (-v shows where it happened)\n';
            expect(await failureOf('key:rotate', broken)).toEqual([1, sentence]);
        });
    });

    describe('key:generate', () => {
        test('fills the secret in where .env has none, and leaves the rest', async () => {
            put('.env', '# mine\r\nSESSION_SECRET= # here\r\nA="b\r\nc"\r\n');
            expect(await artisan('key:generate')).toEqual({
                code: 0,
                output: 'A new SESSION_SECRET is in .env.\nServers that run have to be restarted.\n',
                errors: '',
            });
            const secret = parse(env())['SESSION_SECRET'] as string;
            expect(secret).toMatch(SECRET);
            expect(env()).toBe(`# mine\r\nSESSION_SECRET=${secret} # here\r\nA="b\r\nc"\r\n`);
        });

        test('makes .env without what the example has for secrets, readable by its owner only', async () => {
            put('.env.example', 'A=1\nSESSION_SECRET=known\nSESSION_PREVIOUS_SECRETS=known,too\n');
            await artisan('key:generate');
            const secret = parse(env())['SESSION_SECRET'];
            expect(env()).toBe(`A=1\nSESSION_SECRET=${secret}\nSESSION_PREVIOUS_SECRETS=\n`);
            expect(statSync(join(root, '.env')).mode & 0o777).toBe(0o600);
            expect(readdirSync(root).sort()).toEqual(['.env', '.env.example', 'sosise.json']);
        });

        test('refuses to replace a secret, and names what would', async () => {
            put('.env', 'SESSION_SECRET=mine\n');
            expect(await failureOf('key:generate')).toEqual([
                1,
                '.env has a SESSION_SECRET already: run ./artisan key:rotate, which keeps visitors logged in, or ./artisan key:generate --force, which replaces it and ends all sessions.\n',
            ]);
            expect(env()).toBe('SESSION_SECRET=mine\n');
            expect(readdirSync(root).sort()).toEqual(['.env', 'sosise.json']);
        });

        test('with --force replaces it, and keeps no older one: all sessions end', async () => {
            put('.env', 'SESSION_PREVIOUS_SECRETS=older,oldest # two\nexport SESSION_SECRET="mi#ne" # one\n');
            const { code, output } = await artisan('key:generate --force');
            expect(code).toBe(0);
            expect(output).toContain('All sessions end');
            const secret = parse(env())['SESSION_SECRET'] as string;
            expect(secret).toMatch(SECRET);
            expect(env()).toBe(`SESSION_PREVIOUS_SECRETS= # two\nexport SESSION_SECRET=${secret} # one\n`);
            expect(output).not.toContain(secret);
        });

        test('with --show prints a secret, and writes nothing', async () => {
            vi.stubEnv('SESSION_SECRET', 'real');
            const { code, output, errors } = await artisan('key:generate --show');
            expect([code, errors]).toEqual([0, '']);
            expect(output.trimEnd()).toMatch(SECRET);
            expect(readdirSync(root)).toEqual(['sosise.json']);
        });

        test('says where .env can not be written', async () => {
            put('.env.new', '');
            rmSync(join(root, '.env.new'));
            symlinkSync(join(root, 'missing/.env'), join(root, '.env'));
            const [code, sentence] = await failureOf('key:generate');
            expect([code, sentence]).toEqual([1, expect.stringMatching(/^\.env can't be written \(E[A-Z]+\): .*\n$/)]);
        });
    });

    describe('key:rotate', () => {
        const OLD = randomSecret();
        const OLDER = randomSecret();

        test('puts a new secret first and keeps the old ones, in one change of .env', async () => {
            put('.env', `SESSION_SECRET='${OLD}' # signs\nA=1\nSESSION_PREVIOUS_SECRETS=${OLDER} # verify\n`);
            const { code, output, errors } = await artisan('key:rotate');
            expect([code, errors]).toEqual([0, '']);
            const secret = parse(env())['SESSION_SECRET'] as string;
            expect(secret).toMatch(SECRET);
            expect(secret).not.toBe(OLD);
            expect(env()).toBe(
                `SESSION_SECRET=${secret} # signs\nA=1\nSESSION_PREVIOUS_SECRETS=${OLD},${OLDER} # verify\n`,
            );
            expect([secret, OLD, OLDER].filter((known) => output.includes(known))).toEqual([]);
        });

        test('adds the list where .env has none, and keeps a secret once', async () => {
            put('.env', `SESSION_SECRET=${OLD}`);
            await artisan('key:rotate');
            expect(env()).toMatch(new RegExp(`^SESSION_SECRET=[\\w-]{43}\\nSESSION_PREVIOUS_SECRETS=${OLD}\\n$`));
            put('.env', `SESSION_SECRET=${OLD}\nSESSION_PREVIOUS_SECRETS=${OLDER}, ${OLD} ,\n`);
            vi.stubEnv('SESSION_SECRET', undefined);
            vi.stubEnv('SESSION_PREVIOUS_SECRETS', undefined);
            await artisan('key:rotate');
            expect(parse(env())['SESSION_PREVIOUS_SECRETS']).toBe(`${OLD},${OLDER}`);
        });

        test('quotes an old secret that needs it', async () => {
            const odd = `#é"'${OLD}`;
            put('.env', `SESSION_SECRET=\`${odd}\`\n`);
            expect((await artisan('key:rotate')).errors).toBe('');
            expect(parse(env())['SESSION_PREVIOUS_SECRETS']).toBe(odd);
        });

        test.each<[string, ConsoleSessionConfig, string]>([
            ['seven days without a setting', {}, '2026-03-08'],
            ['the cookie, where it lives longer', { cookie: { maxAge: 9 * 86_400_000 } }, '2026-03-10'],
            ['the idle time, where it is longer', { idle: 8 * 86_400_000, cookie: { maxAge: null } }, '2026-03-09'],
            ['the absolute timeout, even if shorter', { absolute: 3_600_000, idle: 9_000_000_000 }, '2026-03-02'],
        ])('says when the old one may go: %s', async (_, session, day) => {
            vi.useFakeTimers({ now: new Date('2026-03-01T23:30:00Z'), toFake: ['Date'] });
            put('.env', `SESSION_SECRET=${OLD}\n`);
            const { output } = await artisan('key:rotate', () => fromVariables(session));
            expect(output).toContain('Servers that run have to be restarted.');
            expect(output).toContain(
                `nothing needs the old secret after ${day}: take it out of SESSION_PREVIOUS_SECRETS then.`,
            );
        });

        test('says that it may not go by itself where sessions have no absolute end', async () => {
            put('.env', `SESSION_SECRET=${OLD}\n`);
            const { output } = await artisan('key:rotate', () => fromVariables({ absolute: null }));
            expect(output).toContain('Sessions have no absolute end (absolute: null in src/config/session.ts)');
        });

        test('with --show prints both variables, for those who keep them elsewhere, and writes nothing', async () => {
            vi.stubEnv('SESSION_SECRET', OLD);
            put('.env', `SESSION_SECRET=${OLDER}\nSESSION_PREVIOUS_SECRETS=${OLDER}\n`);
            const { code, output, errors } = await artisan('key:rotate --show');
            expect(code).toBe(0);
            expect(output).toMatch(/^SESSION_SECRET=[\w-]{43}\nSESSION_PREVIOUS_SECRETS=[\w-]{43},[\w-]{43}\n$/);
            expect(parse(output)['SESSION_PREVIOUS_SECRETS']).toBe(`${OLD},${OLDER}`);
            expect(errors).toContain('nothing needs the old secret after');
            expect(env()).toBe(`SESSION_SECRET=${OLDER}\nSESSION_PREVIOUS_SECRETS=${OLDER}\n`);
        });

        test('takes the old secret from the file that SESSION_SECRET_FILE names, and writes nothing beside it', async () => {
            for (const name of ['SESSION_SECRET', 'SESSION_PREVIOUS_SECRETS']) {
                vi.stubEnv(name, undefined);
                vi.stubEnv(`${name}_FILE`, undefined);
            }
            put('secret', `${OLD}\n`);
            put('.env', `SESSION_SECRET_FILE=${join(root, 'secret')}\n`);
            const sentence = `SESSION_SECRET_FILE names a file that holds the secret, so nothing was written: run ./artisan key:rotate --show, and put what it prints into that file.\n`;
            expect(await failureOf('key:rotate')).toEqual([1, sentence]);
            expect(await failureOf('key:generate')).toEqual([1, sentence.replace('rotate', 'generate')]);
            const { output, errors } = await artisan('key:rotate --show');
            expect(errors).toContain('nothing needs the old secret after');
            expect(parse(output)['SESSION_PREVIOUS_SECRETS']).toBe(OLD);
        });

        const end = './artisan key:generate --force, which ends all sessions.';
        test.each<[string, string, string]>([
            ['without a secret', '', 'There is no SESSION_SECRET yet: run ./artisan key:generate.'],
            ['with a blank one', 'SESSION_SECRET= ', 'There is no SESSION_SECRET yet: run ./artisan key:generate.'],
            [
                'with a weak one, which would stay valid',
                'SESSION_SECRET=hunter2',
                `SESSION_SECRET is shorter than 32 characters, and would stay valid: run ${end}`,
            ],
            [
                'with a comma in it',
                `SESSION_SECRET=${OLD},${OLDER}`,
                `SESSION_SECRET holds a comma, or a space at an end, and can't be kept in SESSION_PREVIOUS_SECRETS, where commas part the secrets: run ${end}`,
            ],
        ])('refuses %s', async (_, content, sentence) => {
            put('.env', content);
            expect(await failureOf('key:rotate')).toEqual([1, `${sentence}\n`]);
            expect(await failureOf('key:rotate --show')).toEqual([1, `${sentence}\n`]);
            expect(env()).toBe(content);
        });

        test('makes no .env where there is none', async () => {
            put('.env.example', 'SESSION_SECRET=\n');
            expect((await failureOf('key:rotate'))[0]).toBe(1);
            expect(readdirSync(root).sort()).toEqual(['.env.example', 'sosise.json']);
        });

        test('refuses where the config would not take the old secrets, as sessions would end', async () => {
            put('.env', `SESSION_SECRET=${OLD}\n`);
            expect(await failureOf('key:rotate', () => ({ secret: process.env['SESSION_SECRET'] }))).toEqual([
                1,
                "src/config/session.ts would not take the old secret from SESSION_PREVIOUS_SECRETS, and all sessions would end: set its secret to [env.string('SESSION_SECRET'), ...env.list('SESSION_PREVIOUS_SECRETS', [])].\n",
            ]);
            expect(env()).toBe(`SESSION_SECRET=${OLD}\n`);
        });
    });

    test('a blank variable outside hides none of the old secrets in .env from the application', () => {
        put('.env', 'SESSION_SECRET=a\nSESSION_PREVIOUS_SECRETS=b,c\n');
        const variables = { NODE_ENV: 'production', SESSION_SECRET: '', SESSION_PREVIOUS_SECRETS: ' ' };
        loadEnvironment(pathToFileURL(join(root, 'src/bootstrap/app.ts')).href, variables);
        expect(variables).toMatchObject({ SESSION_SECRET: 'a', SESSION_PREVIOUS_SECRETS: 'b,c' });
    });

    test.each([
        ['key:generate', 'SESSION_SECRET'],
        ['key:generate --force', 'SESSION_SECRET'],
        ['key:rotate', 'SESSION_SECRET'],
        ['key:rotate', 'SESSION_PREVIOUS_SECRETS'],
    ])('%s writes nothing where the real %s would win over it', async (line, variable) => {
        const [command = ''] = line.split(' ');
        put('.env', 'SESSION_SECRET=\n');
        vi.stubEnv(variable, 'real');
        expect(await failureOf(line)).toEqual([
            1,
            `${variable} is set in the real environment, which wins over .env, so nothing was written: run ./artisan ${command} --show, and set what it prints where ${variable} is set.\n`,
        ]);
        expect(env()).toBe('SESSION_SECRET=\n');
    });
});

describe('a variable of an env file gets a new value', () => {
    test.each<[string, string, string]>([
        ['plain', 'A=1\nKEY=old\nB=2\n', 'A=1\nKEY=new\nB=2\n'],
        ['empty, before a comment', 'KEY= # why\n', 'KEY=new # why\n'],
        ['with a comment', 'KEY=old # why\n', 'KEY=new # why\n'],
        ['with spaces and export', ' export KEY = old \n', ' export KEY =new \n'],
        ['after a colon', 'KEY: old\n', 'KEY: new\n'],
        ['in double quotes', 'KEY="o#l\\"d" # why\r\nB=2', 'KEY=new # why\r\nB=2'],
        ['in single quotes', "KEY='old'\n", 'KEY=new\n'],
        ['of several lines', 'KEY="o\nl\nd"\nB=2\n', 'KEY=new\nB=2\n'],
        ['the last of several', 'KEY=a\nKEY=b\n', 'KEY=a\nKEY=new\n'],
        ['without a newline', 'KEY=old', 'KEY=new'],
        ['beside names like it', 'MY_KEY=a\nKEY=b\nKEY_2=c\n#KEY=d\n', 'MY_KEY=a\nKEY=new\nKEY_2=c\n#KEY=d\n'],
        ['not inside another value', 'A="x\nKEY=y\nz"\n', 'A="x\nKEY=y\nz"\nKEY=new\n'],
    ])('%s', (_, before, after) => {
        const changed = withVariable(Buffer.from(before), 'KEY', 'new').toString();
        expect(changed).toBe(after);
        expect(parse(changed)).toEqual({ ...parse(before), KEY: 'new' });
    });

    test('that keeps the bytes of any encoding around it', () => {
        const before = Buffer.from([0xe9, 0xa0, 0x0a, ...Buffer.from('KEY=\xe9\xa0 #'), 0xff, 0x0a]);
        const after = withVariable(before, 'KEY', 'new');
        expect(after.subarray(0, 7)).toEqual(before.subarray(0, 7));
        expect(after.subarray(-2)).toEqual(before.subarray(-2));
        expect(parse(after)['KEY']).toBe('new');
    });

    test.each(['#', ' a ', 'a #b', `a"b`, `'a'`, `"a"`, '`a`', 'é', '$1', 'a\\nb', 'two\nlines', ''])(
        'that dotenv reads back as it is: %j',
        (value) => {
            expect(parse(withVariable(Buffer.from('A=1\nKEY=old\nB=2\n'), 'KEY', value))).toEqual({
                A: '1',
                KEY: value,
                B: '2',
            });
        },
    );

    test('or is refused where no quotes are left', () => {
        expect(() => withVariable(Buffer.alloc(0), 'KEY', `#'"\``)).toThrow(
            "The value of KEY can't be written into an env file: it holds every kind of quote.",
        );
    });
});
