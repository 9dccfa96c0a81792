import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { copyStock, install, productionPackages } from './stock.js';

const root = realpathSync(new URL('../../..', import.meta.url));
const COPIED = ['artisan', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

export interface Ran {
    code: number;
    output: string;
    errors: string;
}

/** A fresh project in a temporary folder, for the console to run in. */
export class ConsoleProject {
    public readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'console-')));

    /** `packages` are those that are installed. */
    public constructor(packages?: readonly string[]) {
        onTestFinished(() => rmSync(this.folder, { recursive: true, force: true }));
        copyStock(this.folder);
        this.copy(...COPIED);
        this.install(packages);
    }

    /** Installs these packages and no others; all of them when none is named. */
    public install(packages?: readonly string[]): void {
        install(this.folder, { packages });
    }

    /** Builds it as `npm run build` does. */
    public async build(): Promise<void> {
        install(this.folder, { ownFramework: true });
        const built = await this.run(process.execPath, 'node_modules/sosise/bin/sosise.js', 'build');
        expect(built).toEqual({ code: 0, output: '', errors: '' });
    }

    /** Leaves of the packages those of production. */
    public installForProduction(): void {
        install(this.folder, { packages: productionPackages, ownFramework: false });
    }

    /** Copies more of the project. */
    public copy(...names: readonly string[]): void {
        for (const name of names) {
            cpSync(join(root, name), join(this.folder, name), { recursive: true });
        }
    }

    /** Runs `./artisan` from another folder, with these variables. */
    public artisan(args: string, variables: Record<string, string> = {}): Promise<Ran> {
        return run(join(this.folder, 'artisan'), args === '' ? [] : args.split(' '), variables, '/');
    }

    /** Runs any other program in the project's folder. */
    public run(program: string, ...args: string[]): Promise<Ran> {
        return run(program, args, {}, this.folder);
    }

    public has(name: string): boolean {
        return existsSync(join(this.folder, name));
    }

    public get(name: string): string {
        return readFileSync(join(this.folder, name), 'utf8');
    }

    public put(name: string, content: string): void {
        mkdirSync(dirname(join(this.folder, name)), { recursive: true });
        writeFileSync(join(this.folder, name), content);
    }
}

function run(program: string, args: string[], variables: Record<string, string>, cwd: string): Promise<Ran> {
    const { PATH = '', HOME = '' } = process.env;
    return new Promise((resolve) => {
        execFile(program, args, { cwd, env: { PATH, HOME, ...variables } }, (error, output, errors) => {
            resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, output, errors });
        });
    });
}
