import { existsSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { PathName } from '../../Config/Environment.js';
import type { CommandInput, CommandOption } from '../Command.js';
import { CommandError } from '../CommandError.js';
import { type ClassKind, type ClassName, classNameOf } from './ClassName.js';
import { FORCE, Generator, type NextStep, type Values } from './Generator.js';
import { importPath } from './importPath.js';

/** A class that is to be written. */
export interface NewClass extends ClassName {
    /** Its absolute path. */
    readonly file: string;
}

/** A generator: writes one class into the folder that sosise.json names, and says what to paste where. */
export abstract class MakeCommand extends Generator {
    public override readonly options: readonly CommandOption[] = [FORCE];
    protected abstract readonly kind: ClassKind;
    /** The folder in sosise.json. */
    protected abstract readonly path: PathName;

    public handle({ arguments: [given = ''], options }: CommandInput): void {
        this.refuseBuilt();
        const made = this.newClass(classNameOf(given, this.kind));
        const { name, stem } = made;
        const content = this.stubOf(this.stubFor(options), { name, stem, ...this.valuesOf(made) });
        this.write(made.file, content, options['force'] === true);
        this.line(`${this.shown(made.file)} was made.`);
        this.afterwards(made);
        this.sayWhatToPaste(this.nextSteps(made, options));
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
