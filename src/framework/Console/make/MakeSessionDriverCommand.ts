import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../UsageError.js';
import { MakeCommand, type NextStep } from './MakeCommand.js';
import { kebabCase } from './names.js';
import { importPath, type Target } from './Target.js';

const PROVIDER = 'src/app/Providers/AppServiceProvider.ts';
const BUILT_IN = ['file', 'memory', 'redis'];

export class MakeSessionDriverCommand extends MakeCommand {
    public readonly signature = 'make:session-driver <name>';
    public readonly description = 'Writes a session driver that keeps all promises, and its test';
    protected readonly path = 'sessionDrivers';
    protected readonly suffix = 'Driver';

    protected override check(target: Target): void {
        const name = driverOf(target);
        if (BUILT_IN.includes(name) || target.name === 'SessionDriver') {
            throw new UsageError(
                `The framework has a ${target.name} already: choose another name, such as my-${name}.`,
            );
        }
    }

    protected content(target: Target): string {
        return `import { KeyedQueue, Lease, SessionDriver, StoredRecord } from '${target.pathTo('src/framework/index.ts')}';

/** Keeps sessions in a Map: put your storage in its place. docs/drivers.md says what each method promises. */
export default class ${target.name} implements SessionDriver {
    /** What it can't promise: a line in the log at start-up. Leave it out where there is nothing to say. */
    public readonly abilities = { limits: 'sessions are in a Map of this process.', survivesRestart: false };
    private readonly stored = new Map<string, StoredRecord & { writtenAt: number }>();
    private readonly turns = new KeyedQueue();
    private versions = 0;

    public read(id: string): StoredRecord | undefined {
        return this.stored.get(id);
    }

    /** Atomic: stores only if the version is still the given one (undefined: nothing is stored). Gives the new one. */
    public write(id: string, record: string, ifVersion: unknown): unknown {
        if (this.stored.get(id)?.version !== ifVersion) {
            return undefined;
        }
        this.versions += 1;
        this.stored.set(id, { record, version: this.versions, writtenAt: Date.now() });
        return this.versions;
    }

    /** Atomic, in the same way. */
    public remove(id: string, ifVersion: unknown): boolean {
        return this.stored.get(id)?.version === ifVersion && this.stored.delete(id);
    }

    /** The records that were last written before that time (ms), for pruning. */
    public async *records(writtenBefore = Number.POSITIVE_INFINITY) {
        for (const [id, { record, version, writtenAt }] of this.stored) {
            if (writtenAt < writtenBefore) {
                yield { id, record, version };
            }
        }
    }

    /** For exclusive(), in the order of asking. The lock of a process that died has to end by itself; here it dies with the Map. */
    public lock(id: string, waitMs: number): Promise<Lease | undefined> {
        return this.turns.lease(id, waitMs);
    }

    /** Takes a damaged record out of the way. */
    public setAside(id: string): boolean {
        return this.stored.delete(id);
    }

    /** Now and then: remove what was set aside before that time (ms), and what dead processes left. */
    public async tidy(): Promise<void> {}

    /** The application ends: give up connections and timers. */
    public close(): void {}
}
`;
    }

    protected override also(target: Target): void {
        const file = `tests/app/${target.name}.test.ts`;
        if (existsSync(join(target.root, 'tests')) && !existsSync(join(target.root, file))) {
            this.write(target.root, file, testOf(file, target));
            this.line(`${file} was made: npm test -- ${file} tries the driver against its promises.`);
        }
    }

    protected next(target: Target): NextStep[] {
        const extend = `this.app.container.make(SessionManager).extend('${driverOf(target)}', () => new ${target.name}());`;
        return [
            {
                file: `${PROVIDER}, with SessionManager imported from the framework`,
                lines: [target.importLine(PROVIDER), '', '// in boot()', extend],
            },
            { file: 'src/config/session.ts', lines: [`driver: '${driverOf(target)}',`] },
        ];
    }
}

function testOf(file: string, target: Target): string {
    return `${target.importLine(file)}
import { testSessionStore } from '${importPath(file, 'tests/helpers/testSessionStore.ts')}';

testSessionStore('${driverOf(target)}', () => new ${target.name}());
`;
}

/** The name in src/config/session.ts. */
function driverOf({ className }: Target): string {
    return kebabCase(className.stem);
}
