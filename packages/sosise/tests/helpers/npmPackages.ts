import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Installs packages from npm in a folder, beside those that are there. Gives their versions. */
export function npmPackages(folder: string, ...packages: readonly string[]): Record<string, string> {
    mkdirSync(folder, { recursive: true });
    if (!existsSync(join(folder, 'package.json'))) {
        writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    }
    const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
    execFileSync('npm', ['install', ...packages, ...quiet], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    const versionOf = (name: string) =>
        JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version as string;
    return Object.fromEntries(packages.map((name) => [name, versionOf(name)]));
}
