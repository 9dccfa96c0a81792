import { existsSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { PathName } from '../../Config/Environment.js';
import { writeNew } from '../../Support/Files/writeNew.js';
import { Command, type CommandInput, type CommandOption } from '../Command.js';
import { CommandError } from '../CommandError.js';
import { type ClassKind, type ClassName, classNameOf } from './ClassName.js';
import { importPath } from './importPath.js';

/** A class that is to be written. */
export interface NewClass extends ClassName {
    /** Its absolute path. */
    readonly file: string;
}

/** Lines to paste, and where they go. */
export interface NextStep {
    /** Behind "Paste": `into src/routes/api.ts`. */
    readonly where: string;
    readonly lines: readonly string[];
}

/** Texts by the names of placeholders. */
export type Values = Readonly<Record<string, string>>;

export const FORCE: CommandOption = { flag: '--force', description: 'replace the file that is there' };

/** A generator: writes one class into the folder that sosise.json names, and says what to paste where. */
export abstract class MakeCommand extends Command {
    public override readonly options: readonly CommandOption[] = [FORCE];
    protected abstract readonly kind: ClassKind;
    /** The folder in sosise.json. */
    protected abstract readonly path: PathName;

    public handle({ arguments: [given = ''], options }: CommandInput): void {
        if (this.artisan.isBuilt) {
            throw new CommandError(
                'Generators write TypeScript, which the built application does not read: run them in development, where all packages are installed and NODE_ENV is not production.',
            );
        }
        const made = this.newClass(classNameOf(given, this.kind));
        const { name, stem } = made;
        const content = stubOf(this.stubFor(options), { name, stem, ...this.valuesOf(made) });
        this.write(made.file, content, options['force'] === true);
        this.line(`${this.shown(made.file)} was made.`);
        this.afterwards(made);
        for (const { where, lines } of this.nextSteps(made, options)) {
            this.line(`\n${this.terminal.paint('yellow', `Paste ${where}:`)}\n\n${lines.join('\n')}`);
        }
    }

    /** The stub that the file is made from. */
    protected stubFor(_options: CommandInput['options']): string {
        return this.kind.noun.replace(' ', '-');
    }

    /** What its placeholders stand for, besides `name` and `stem`. */
    protected valuesOf(_made: NewClass): Values {
        return {};
    }

    protected abstract nextSteps(made: NewClass, options: CommandInput['options']): readonly NextStep[];

    /** What else is to be made. */
    protected afterwards(_made: NewClass): void {}

    /** Writes a file in one step; an error says in one sentence why it could not be written. */
    protected write(file: string, content: string, mayReplace = false): void {
        try {
            writeNew(file, content, mayReplace);
        } catch (error) {
            const { code, message } = error as NodeJS.ErrnoException;
            throw new CommandError(
                code === 'EEXIST' && existsSync(file)
                    ? `${this.shown(file)} is there already: choose another name, or replace it with --force.`
                    : `${this.shown(file)} can't be written (${code ?? message}): its folder has to be one that this user may write into.`,
                { cause: error },
            );
        }
    }

    /** The absolute path of a file, from its path in the source folder. */
    protected source(...path: readonly string[]): string {
        return join(this.artisan.entryFolder, ...path);
    }

    /** A path as it is shown: from the application's folder, with slashes. */
    protected shown(file: string): string {
        return relative(this.artisan.root, file).split(sep).join('/');
    }

    /** The line that imports the class into a file. */
    protected importInto(file: string, made: NewClass): string {
        return `import ${made.name} from '${importPath(file, made.file)}';`;
    }

    /** Where the providers' own file is, for what has to be bound or added there. */
    protected get appProvider(): string {
        const beside = join(this.artisan.manifest.paths.providers, 'AppServiceProvider.ts');
        return existsSync(beside) ? beside : this.source('app/Providers/AppServiceProvider.ts');
    }

    private newClass(name: ClassName): NewClass {
        const file = join(this.folder, ...name.folders, `${name.name}.ts`);
        return { ...name, file };
    }

    private get folder(): string {
        const folder = this.artisan.manifest.paths[this.path];
        const inside = relative(this.artisan.entryFolder, folder);
        if (inside === '..' || inside.startsWith(`..${sep}`)) {
            throw new CommandError(
                `sosise.json: paths.${this.path} is ${this.shown(folder)}, and only what is in ${this.shown(this.artisan.entryFolder)} is compiled: name a folder in there.`,
            );
        }
        return folder;
    }
}

/** Beside this file in the sources, and beside its bundle in the packed framework. */
const folder = new URL('./stubs/', import.meta.url);

/** A stub file with its `{{ placeholders }}` filled in. */
function stubOf(name: string, values: Readonly<Record<string, string>>): string {
    const stub = readFileSync(new URL(`${name}.stub`, folder), 'utf8');
    return stub.replace(/\{\{ (\w+) \}\}/g, (_, key: string) => values[key] ?? '');
}
