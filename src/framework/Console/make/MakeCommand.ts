import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from '../../Exceptions/errors.js';
import type { PathName } from '../../Manifest.js';
import { Command, type CommandInput } from '../Command.js';
import { classNameOf } from './names.js';
import { Target } from './Target.js';

/** What is to be pasted, and where: `lines` for the file `file`. */
export interface NextStep {
    readonly file: string;
    readonly lines: readonly string[];
}

/** Writes a class of one kind into the folder that sosise.json names for it, and says how it is put to use. */
export abstract class MakeCommand extends Command {
    public override readonly options = [{ flag: '--force', description: 'write over the file that is there' }];
    /** The key of `paths` in sosise.json. */
    protected abstract readonly path: PathName;
    /** What stands behind the class's name. */
    protected abstract readonly suffix: string;

    public handle({ arguments: [given = ''], options }: CommandInput): void {
        const { root, manifest } = this.artisan;
        if (!existsSync(join(root, 'src'))) {
            throw new ConfigError(
                `There is no src in ${root}: classes are made where the application is developed, not where its build runs.`,
            );
        }
        const target = new Target(root, manifest, this.path, classNameOf(given, this.suffix));
        this.check(target);
        this.write(root, target.file, this.content(target), options['force'] === true);
        this.line(`${target.file} was made.`);
        this.also(target);
        for (const { file, lines } of this.next(target)) {
            this.line(`\nIn ${this.terminal.paint('bold', file)}:\n`);
            for (const line of lines) {
                this.line(line && `    ${line}`);
            }
        }
    }

    /** The text of the class. */
    protected abstract content(target: Target): string;

    /** What is left to do by hand. */
    protected abstract next(target: Target): readonly NextStep[];

    /** Throws where this name can't be. */
    protected check(_target: Target): void {}

    /** Writes what else comes with the class. */
    protected also(_target: Target): void {}

    /** Writes a file that is not there yet; two who do so together don't overwrite each other. */
    protected write(root: string, file: string, text: string, force = false): void {
        try {
            mkdirSync(dirname(join(root, file)), { recursive: true });
            writeFileSync(join(root, file), text, { flag: force ? 'w' : 'wx' });
        } catch (cause) {
            const { code, message } = cause as NodeJS.ErrnoException;
            throw new ConfigError(
                code === 'EEXIST' && !force
                    ? `${file} is there already, and nothing was written: choose another name, or --force to write over it.`
                    : `${file} can't be written (${code ?? message}): give this user the right to write into its folder.`,
                { cause },
            );
        }
    }
}
