import { type FSWatcher, statSync, watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Editors empty a file, fill it, and rename: this long after the last of it, it is complete. */
const QUIET_MS = 40;

type Heard = (name: string, event: 'rename' | 'change') => void;

/**
 * Tells which files were saved. Folders are watched one by one: a file that an editor replaces by another is still seen,
 * and Node.js does not watch trees on Linux well.
 */
export class SourceWatch {
    private readonly folders = new Map<string, FSWatcher>();
    private readonly files = new Set<string>();
    private quiet: NodeJS.Timeout | undefined;
    private isClosed = false;

    public constructor(private readonly onSave: (files: string[]) => void) {}

    /** Watches a folder with all that is in it, now and later. */
    public addTree(folder: string): this {
        const recursive = process.platform !== 'linux';
        this.watch(folder, { recursive }, (name, event) => {
            const path = join(folder, name);
            if (!recursive && event === 'rename' && isFolder(path)) {
                this.addTree(path);
            }
            this.note(path);
        });
        if (!recursive) {
            void this.addFoldersIn(folder);
        }
        return this;
    }

    /** Watches files of a folder, also those that do not exist yet. */
    public addFiles(folder: string, names: readonly string[]): this {
        this.watch(folder, {}, (name) => names.includes(name) && this.note(join(folder, name)));
        return this;
    }

    public close(): void {
        clearTimeout(this.quiet);
        this.isClosed = true;
        for (const watcher of this.folders.values()) {
            watcher.close();
        }
    }

    private watch(folder: string, options: { recursive?: boolean }, heard: Heard): void {
        if (this.isClosed) {
            return; // while it still looked into folders
        }
        this.folders.get(folder)?.close(); // one that was deleted and made again
        try {
            const watcher = watch(folder, options, (event, name) => name !== null && heard(name, event));
            watcher.on('error', () => watcher.close());
            this.folders.set(folder, watcher);
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
                throw error; // too many watched files, for one: Node.js says so
            }
        }
    }

    private async addFoldersIn(folder: string): Promise<void> {
        const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
        for (const entry of entries.filter((entry) => entry.isDirectory())) {
            this.addTree(join(folder, entry.name));
        }
    }

    private note(file: string): void {
        if (isTemporary(file)) {
            return;
        }
        this.files.add(file);
        clearTimeout(this.quiet);
        this.quiet = setTimeout(() => {
            const files = [...this.files];
            this.files.clear();
            this.onSave(files);
        }, QUIET_MS);
    }
}

/** What editors write beside a file while it is saved. */
function isTemporary(file: string): boolean {
    return /(^|[\\/])(\.(?!env$)[^\\/]*|[^\\/]*~|4913)$/.test(file);
}

function isFolder(path: string): boolean {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
