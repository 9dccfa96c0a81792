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

/** What is measured beside ours with `--peers`: no application needs it. */
const PEERS = ['fastify@5.12.8', '@fastify/session@11.1.3', '@fastify/cookie@11.1.5', '@fastify/formbody@9.0.1'];

export function installedPeers(say: (text: string) => void): { folder: string; versions: Record<string, string> } {
    const versions = PEERS.map((each) => each.split(/(?<=.)@/) as [string, string]);
    return { folder: installed('peers', PEERS, say), versions: Object.fromEntries(versions) };
}

/** The program of a Node version: `24` is the newest 24 there was when it was first asked for. */
export function nodeProgram(version: string, say: (text: string) => void): string {
    return `${installed(`node-${version}`, [`node@${version}`], say)}/node_modules/node/bin/node`;
}
