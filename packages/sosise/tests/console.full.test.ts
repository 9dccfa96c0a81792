import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConsoleProject } from './consoleProject.js';
import { postgresSchema, postgresServer, serversAreRequired, whyNoPostgres } from './helpers/postgres.js';
import { sessionApp } from './helpers/sessionApp.js';

const root = realpathSync(new URL('../../..', import.meta.url));
const guide = readFileSync(join(root, 'docs/console.md'), 'utf8');

const SECRET = /^[\w-]{43}$/;
const USAGE = 'Usage: ./artisan COMMAND [OPTIONS]\n';

/** The visitors whose sessions the guide shows. */
const VISITORS = [
    { user: '42', data: { cart: [1, 2, 3], theme: 'dark', profile: { name: 'Ada', age: 36 }, visits: 7 } },
    { user: '7', data: { theme: 'light' } },
    { user: '7', data: {} },
    { user: undefined, data: { theme: 'dark' } },
];

/** What is another in each run: secrets, days, times, sizes in digits, fingerprints, versions and folders. */
function masked(text: string): string {
    return text
        .replace(/\b[\w-]{43}\b/g, 'SECRET')
        .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
        .replace(/\d{4}-\d\d-\d\d/g, 'DAY')
        .replace(/(^|session |Fingerprint {3}|Session {2})[\w-]{10}(?= |$)/gm, '$1FINGERPRINT')
        .replace(/\b\d+(\.\d+)? (s|ms|min|days|B)\b/g, 'N $2')
        .replace(/^( {2}Root +).*$/m, '$1ROOT')
        .replace(/\d+\.\d+\.\d+/g, 'VERSION')
        .replace(/ +/g, ' ');
}

/** A table's rows come as they are met. */
const sorted = (text: string) => text.trimEnd().split('\n').sort().join('\n');

/** Sessions of visitors in the project's folder, as its server would leave them. */
async function withSessions(project: ConsoleProject): Promise<void> {
    const config = project.get('src/config/session.ts');
    project.put('src/config/session.ts', config.replace('enabled: false', 'enabled: true'));
    const { client } = await sessionApp({
        session: {
            driver: 'file',
            cookie: { maxAge: 7_200_000 },
            drivers: { file: { path: join(project.folder, 'storage/sessions') } },
        },
    });
    for (const { user, data } of VISITORS) {
        const visitor = client().withSession(data);
        if (user !== undefined) {
            visitor.actingAs(user);
        }
        await visitor.session();
    }
}

/** The variables by which the package pg finds a schema of this test's own. */
async function ownDatabase(): Promise<Record<string, string>> {
    const schema = `console_${randomBytes(6).toString('hex')}`;
    const { drop } = await postgresSchema(schema);
    onTestFinished(drop);
    const { host, port, user, database } = postgresServer;
    const { PGPASSWORD = '' } = process.env;
    const names = { PGHOST: host, PGPORT: String(port), PGUSER: user, PGDATABASE: database, PGPASSWORD };
    return { ...names, PGOPTIONS: `-c search_path=${schema}` };
}

test('docs/console.md shows what the commands print, in this order', async () => {
    const project = new ConsoleProject();
    const blocks = [...guide.matchAll(/^```text\n(\$ \.\/artisan[\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
        block.split(/^\$ \.\/artisan ?/m).slice(1),
    );
    expect(blocks.length).toBeGreaterThan(15);
    const database = (await whyNoPostgres()) === undefined || serversAreRequired ? await ownDatabase() : undefined;
    const [shownAs = ''] = /^[\w-]{10}(?= +42)/m.exec(guide) ?? [];
    let fingerprint = '';
    for (const block of blocks) {
        const [args = '', ...shown] = block.split('\n');
        if (args === 'session:list') {
            await withSessions(project);
        }
        if (args.startsWith('session:table') && !database) {
            continue;
        }
        const { output, errors } = await project.artisan(args.replace(shownAs, fingerprint || shownAs), database);
        if (args === 'session:list') {
            [fingerprint = ''] = /^[\w-]{10}(?= +42)/m.exec(output) ?? [];
        }
        expect(sorted(masked(output + errors)), args).toBe(sorted(masked(shown.join('\n'))));
    }
    expect(fingerprint).not.toBe('');
});

test('key:rotate reads src/config/session.ts: its date, and whether it would take the old secret', async () => {
    const project = new ConsoleProject();
    await project.artisan('key:generate');
    const before = project.get('.env');
    const config = project.get('src/config/session.ts');

    project.put('src/config/session.ts', config.replace(/secret: .*/, "secret: env.string('SESSION_SECRET'),"));
    const refused = await project.artisan('key:rotate');
    expect([refused.code, project.get('.env')]).toEqual([1, before]);
    expect(refused.errors).toContain('src/config/session.ts would not take the old secret');

    project.put('src/config/session.ts', config.replace(/secret: .*/, '$&\n    absolute: 86_400_000,'));
    const earliest = Date.now() + 86_400_000;
    const rotated = await project.artisan('key:rotate');
    const days = [earliest, Date.now() + 86_400_000].map((time) => new Date(time).toISOString().slice(0, 10));
    expect(days).toContain(/after (\S+):/.exec(rotated.output)?.[1]);
    const secrets = (text: string) => /^SESSION_SECRET=(.*)$/m.exec(text)?.[1];
    expect(project.get('.env')).toContain(`SESSION_PREVIOUS_SECRETS=${secrets(before)}\n`);
});

test('the built application has the console too: in production, and with the packages of production only', async () => {
    const project = new ConsoleProject();
    await project.build();
    project.installForProduction();

    expect((await project.artisan('key:generate', { NODE_ENV: 'production' })).code).toBe(0);
    const rotated = await project.artisan('key:rotate');
    expect([rotated.code, rotated.errors]).toEqual([0, '']);
    expect(project.get('.env')).toMatch(/^SESSION_PREVIOUS_SECRETS=[\w-]{43}$/m);
});

test('a copy without its packages says to install them', async () => {
    const project = new ConsoleProject([]);
    expect(await project.artisan('list')).toEqual({
        code: 1,
        output: '',
        errors: 'Neither tsx is installed, nor is there a build/artisan.js: run npm install, or npm run build.\n',
    });
});

test('npm run artisan does the same, for Windows', async () => {
    const project = new ConsoleProject();
    const { code, output } = await project.run('npm', 'run', '--silent', 'artisan', '--', 'key:generate', '--show');
    expect(code).toBe(0);
    expect(output).toMatch(/^[\w-]{43}\n$/);
});

test('processes that run key:generate together agree: one writes, the others refuse', async () => {
    const project = new ConsoleProject();
    const runs = await Promise.all(Array.from({ length: 5 }, () => project.artisan('key:generate')));
    expect(runs.map(({ code }) => code).sort()).toEqual([0, 1, 1, 1, 1]);
    expect(project.get('.env').match(/^SESSION_SECRET=[\w-]{43}$/gm)).toHaveLength(1);
});

test('processes that rotate together lose no secret', async () => {
    const project = new ConsoleProject();
    await project.artisan('key:generate');
    const first = /^SESSION_SECRET=(.*)$/m.exec(project.get('.env'))?.[1];
    await Promise.all(Array.from({ length: 4 }, () => project.artisan('key:rotate')));
    const previous = /^SESSION_PREVIOUS_SECRETS=(.*)$/m.exec(project.get('.env'))?.[1]?.split(',') ?? [];
    expect(new Set(previous).size).toBe(4);
    expect(previous.at(-1)).toBe(first);
    expect(readdirSync(project.folder)).not.toContain('.env.new');
});

test('./artisan list takes less than three times as long as TypeScript takes to start', async () => {
    const project = new ConsoleProject();
    const best = { bare: Number.POSITIVE_INFINITY, list: Number.POSITIVE_INFINITY };
    const timed = async (name: keyof typeof best, work: () => Promise<unknown>) => {
        const started = performance.now();
        await work();
        best[name] = Math.min(best[name], performance.now() - started);
    };
    // In turns, as a shared machine is now fast and now slow. A quiet one needs 0.2 s and 0.3 s.
    for (let turn = 0; turn < 5; turn += 1) {
        await timed('bare', () => project.run(process.execPath, '--import', 'tsx', '-e', '0'));
        await timed('list', () => project.artisan('list'));
    }
    expect(best.list).toBeLessThan(3 * best.bare);
});

test('the file artisan, which the linter does not know by its name, is in its style', async () => {
    const project = new ConsoleProject();
    const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
    const { vcs, ...config } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
    project.put('biome.json', JSON.stringify(config));
    project.put('artisan.js', project.get('artisan'));
    const { code, output, errors } = await project.run(process.execPath, biome, 'ci', 'artisan.js');
    expect([code, output + errors]).toEqual([0, expect.stringContaining('Checked 1 file')]);
});

test('npm run dev, where what runs TypeScript is not installed, says how it is', async () => {
    const project = new ConsoleProject(['dotenv', 'commander']);
    expect(await project.run(process.execPath, 'node_modules/sosise/bin/sosise.js', 'dev')).toEqual({
        code: 1,
        output: '',
        errors: 'tsx is not installed, which runs TypeScript in development: run npm install.\n',
    });
});

describe('./artisan', () => {
    test('makes a .env with a secret, from any folder and through a link, without the packages of the server', async () => {
        const project = new ConsoleProject(['tsx', 'commander', 'dotenv']);
        symlinkSync(join(project.folder, 'artisan'), join(project.folder, 'link'));
        const listed = project.run('/bin/sh', '-c', `cd / && ${join(project.folder, 'link')} | head -1`);
        expect(await project.artisan('key:generate')).toEqual({
            code: 0,
            output: '.env was made, with a new SESSION_SECRET.\nServers that run have to be restarted.\n',
            errors: '',
        });
        const { SESSION_SECRET: secret = '' } = parse(project.get('.env'));
        expect(secret).toMatch(SECRET);
        const example = project.get('.env.example');
        expect(project.get('.env')).toBe(example.replace('SESSION_SECRET=\n', `SESSION_SECRET=${secret}\n`));
        expect(await listed).toEqual({ code: 0, output: USAGE, errors: '' });
    });

    test('in production runs the built application, and says what to do where there is none', async () => {
        const project = new ConsoleProject([]);
        expect(await project.artisan('', { NODE_ENV: 'production' })).toEqual({
            code: 1,
            output: '',
            errors: 'There is no build/artisan.js: run npm run build.\n',
        });
    });
});
