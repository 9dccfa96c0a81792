import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Browser } from './helpers/Browser.js';
import { keyOf } from './helpers/inside/Session/Record.js';
import { temporaryFolder } from './helpers/sessionApp.js';

const SECRET = 'canary-secret-4f9d1c7e5b3a2860-canary';
const VALUE = 'canary-value-91b7';

test('no id, cookie, secret or session value is ever in the output or in a log file', async () => {
    const folder = temporaryFolder();
    const server = spawn(
        process.execPath,
        ['--import', 'tsx', new URL('fixtures/canaryServer.ts', import.meta.url).pathname, folder, SECRET, VALUE],
        { env: { ...process.env, DEBUG: '' }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    onTestFinished(() => {
        server.kill('SIGKILL');
    });
    let output = '';
    const url = await new Promise<string>((resolve, reject) => {
        const listen = (chunk: Buffer) => {
            output += chunk;
            const port = /listening on (\d+)/.exec(output)?.[1];
            if (port) {
                resolve(`http://127.0.0.1:${port}`);
            }
        };
        server.stdout.on('data', listen);
        server.stderr.on('data', listen);
        server.once('exit', () => reject(new Error(output)));
    });

    const browser = new Browser(url);
    const secrets: string[] = [SECRET, VALUE];
    const remember = () => {
        const cookie = browser.cookies.get('sosise') as string;
        const id = decodeURIComponent(cookie).slice(2).split('.')[0] as string;
        secrets.push(cookie, decodeURIComponent(cookie), id);
        return id;
    };
    await browser.visit('/store');
    remember();
    for (const path of ['/throw', '/unstorable', '/reserved', '/large', '/missing', `/store?sid=${VALUE}`]) {
        await browser.visit(path, { headers: { authorization: `Bearer ${VALUE}` } });
    }
    await browser.visit('/regenerate');
    const id = remember();
    const sessions = join(folder, 'sessions');
    writeFileSync(join(sessions, `${keyOf(id)}.json`), `{"canary":"${VALUE}`); // damaged: quarantined, with a warning
    await browser.visit('/store');
    remember();
    rmSync(sessions, { recursive: true });
    writeFileSync(sessions, 'a file in the place of the folder'); // storage trouble: errors with their causes
    expect((await browser.visit('/store')).status).toBe(503);

    server.kill('SIGTERM');
    await once(server, 'exit');
    const logs = readdirSync(join(folder, 'logs')).map((name) => readFileSync(join(folder, 'logs', name), 'utf8'));
    expect(logs.join('')).toContain('quarantined');
    expect(logs.join('')).toContain('"path":"/store"');
    expect(output).toContain('thrown');
    for (const text of [output, ...logs]) {
        for (const secret of secrets) {
            expect(text.includes(secret), `a log holds ${secret.slice(0, 12)}…`).toBe(false);
        }
    }
});
