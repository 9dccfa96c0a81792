import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { copyStock, type Installed, install } from '../stock.js';
import type { Block } from './Markdown.js';
import { kindOf, withKeys, withStatements } from './snippets.js';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const COPIED = ['tests/helpers', 'package.json', 'tsconfig.json', 'vitest.config.ts'];

export interface RunningApp {
    readonly url: string;
    /** What it has written so far. */
    output(): string;
    stop(): Promise<void>;
}

/** A fresh project in a temporary folder, as someone has it who just cloned it. */
export class CopiedApp {
    public readonly folder = mkdtempSync(join(tmpdir(), 'sosise-docs-'));

    public constructor(root: string, installed: Installed = {}) {
        copyStock(this.folder);
        for (const name of COPIED) {
            cpSync(join(root, name), join(this.folder, name), { recursive: true });
        }
        install(this.folder, installed);
    }

    /** Does what a block of the documents says. */
    public apply(block: Block, method = 'boot'): void {
        const path = join(this.folder, block.path ?? '');
        const kind = kindOf(block);
        mkdirSync(dirname(path), { recursive: true });
        if (kind === 'file') {
            writeFileSync(path, block.code);
            return;
        }
        const file = readFileSync(path, 'utf8');
        const change = { keys: withKeys, statements: withStatements }[kind];
        const changed = change(file, block.code, method);
        if (changed === file) {
            throw new Error(`${block.place} changes nothing in ${block.path}.`);
        }
        writeFileSync(path, changed);
    }

    /** Writes a file that no block writes. */
    public write(path: string, content: string): void {
        mkdirSync(dirname(join(this.folder, path)), { recursive: true });
        writeFileSync(join(this.folder, path), content);
    }

    /** Runs one test file as `npm test` does. Gives what it printed; rejects with it where a test fails. */
    public test(file: string): Promise<string> {
        return this.run('vitest/vitest.mjs', 'run', '--no-color', file);
    }

    /** Checks the types of all that is there. Gives what the compiler said; rejects with it where it found something. */
    public compile(): Promise<string> {
        return this.run('typescript/bin/tsc', '--noEmit', '--pretty', 'false');
    }

    private run(program: string, ...args: string[]): Promise<string> {
        const { NODE_ENV, VITEST, SESSION_SECRET, ...env } = process.env;
        const script = join(this.folder, 'node_modules', program);
        return new Promise((resolve, reject) => {
            execFile(process.execPath, [script, ...args], { cwd: this.folder, env }, (error, output, errors) =>
                error ? reject(new Error(`${program} ${args.join(' ')}: ${output}${errors}`)) : resolve(output),
            );
        });
    }

    /** How many sessions the file driver holds. */
    public sessionFiles(): number {
        const folder = join(this.folder, 'storage/sessions');
        return existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.json')).length : 0;
    }

    /** Runs its entry as `npm run dev` does, but without watching, on any free port, and from another folder. */
    public async start(entry = 'src/server.ts', variables: NodeJS.ProcessEnv = {}): Promise<RunningApp> {
        const { NODE_ENV, APP_ENV, VITEST, SESSION_SECRET, ...env } = process.env;
        const child = spawn(process.execPath, ['--import', tsx, join(this.folder, entry)], {
            cwd: '/',
            env: { ...env, LISTEN_PORT: '0', NO_COLOR: '1', ...variables },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        let output = '';
        const exited = once(child, 'exit');
        const url = await new Promise<string>((resolve, reject) => {
            const read = (bytes: Buffer) => {
                output += String(bytes);
                // The banner's last lines come with its first, or right after.
                const [, address] = /Address +(http:\S+)[\s\S]*Logs /.exec(output) ?? [];
                if (address) {
                    resolve(address.replace('localhost', '127.0.0.1'));
                }
            };
            child.stdout.on('data', read);
            child.stderr.on('data', read);
            void exited.then(() => reject(new Error(`The application ended at start-up: ${output}`)));
        });
        const stop = async () => {
            child.kill('SIGTERM');
            const [code] = await exited;
            if (code !== 0) {
                throw new Error(`The application ended with ${code}: ${output}`);
            }
        };
        return { url, output: () => output, stop };
    }

    public remove(): Promise<void> {
        return rm(this.folder, { recursive: true, force: true });
    }
}
