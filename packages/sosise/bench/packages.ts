import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What the bench alone needs, and only when asked for it: kept here from one run to the next. */
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/sosise-bench', import.meta.url));

/** The folder of packages with these names and versions, such as `node@24`; installs them if they are not there. */
export function installed(name: string, packages: readonly string[], say: (text: string) => void): string {
    const folder = `${CACHE}/${name}`;
    if (!existsSync(`${folder}/node_modules`)) {
        say(`installing ${packages.join(' ')} into ${folder}`);
        mkdirSync(folder, { recursive: true });
        try {
            // What `npm run` has set would send the packages into its workspace.
            const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^npm_/i.test(key)));
            const flags = ['--prefix', folder, '--no-audit', '--no-fund', '--save-exact'];
            execFileSync('npm', ['install', ...flags, ...packages], { cwd: folder, env, stdio: 'ignore' });
        } catch (error) {
            rmSync(folder, { recursive: true, force: true });
            throw error;
        }
    }
    return folder;
}

/** The program of a Node version: `24` is the newest 24 there was when it was first asked for. */
export function nodeProgram(version: string, say: (text: string) => void): string {
    return `${installed(`node-${version}`, [`node@${version}`], say)}/node_modules/node/bin/node`;
}
