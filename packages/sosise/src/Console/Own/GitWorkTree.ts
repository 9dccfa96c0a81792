import { execFileSync } from 'node:child_process';
import { CommandError } from '../CommandError.js';

/** What git knows of a folder. */
export class GitWorkTree {
    public constructor(private readonly folder: string) {}

    /** Whether git keeps this file of the folder, and could bring it back. */
    public keeps(file: string): boolean {
        return this.git('ls-files', '--', file) !== '';
    }

    /** The files of the folder that differ from the last commit, those too that git was never told of. */
    public changed(): string[] {
        return this.git('status', '--porcelain', '--', '.')
            .split('\n')
            .filter(Boolean)
            .map((line) => line.slice(3));
    }

    /** What git prints; nothing where there is no git, or no repository. */
    private git(...args: readonly string[]): string {
        try {
            return execFileSync('git', args, {
                cwd: this.folder,
                encoding: 'utf8',
                env: { ...process.env, LC_ALL: 'C' },
                stdio: ['ignore', 'pipe', 'pipe'],
            });
        } catch (error) {
            const { code, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string };
            if (code === 'ENOENT' || stderr.includes('not a git repository')) {
                return '';
            }
            throw new CommandError(`git ${args[0]} failed: ${stderr.trim()}`, { cause: error });
        }
    }
}
