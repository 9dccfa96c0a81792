import { dirname, join, relative, sep } from 'node:path';
import { ConfigError } from '../../Exceptions/errors.js';
import type { Manifest, PathName } from '../../Manifest.js';
import type { ClassName } from './names.js';

/** Where a class goes, and how other files of the project import it. */
export class Target {
    /** From the project's folder: `src/app/Http/Controllers/Admin/UserController.ts`. */
    public readonly file: string;
    /** The folder of its kind: `src/app/Http/Controllers`. */
    public readonly folder: string;

    public constructor(
        public readonly root: string,
        manifest: Manifest,
        path: PathName,
        public readonly className: ClassName,
    ) {
        this.folder = inPosix(relative(root, manifest.paths[path]));
        if (!this.folder.startsWith('src/')) {
            throw new ConfigError(
                `sosise.json puts ${path} into ${this.folder}, and only src is compiled: name a folder inside it, such as "src/${this.folder}".`,
            );
        }
        this.file = [this.folder, ...className.folders, `${className.name}.ts`].join('/');
    }

    public get name(): string {
        return this.className.name;
    }

    /** How this class imports another file of the project: `../../../framework/index.js`. */
    public pathTo(file: string): string {
        return importPath(this.file, file);
    }

    /** The line by which another file imports this class. */
    public importLine(from: string): string {
        return `import ${this.name} from '${importPath(from, this.file)}';`;
    }
}

/** How one file of the project names another in an import. */
export function importPath(from: string, to: string): string {
    const path = inPosix(relative(dirname(join('/', from)), join('/', to))).replace(/\.ts$/, '.js');
    return path.startsWith('.') ? path : `./${path}`;
}

function inPosix(path: string): string {
    return path.split(sep).join('/');
}
