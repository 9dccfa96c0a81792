import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { NextStep, Values } from './Generator.js';
import { WIDEST_LINE } from './importPath.js';
import { MakeCommand, type NewClass } from './MakeCommand.js';

export class MakeSessionDriverCommand extends MakeCommand {
    public readonly signature = 'make:session-driver <name>';
    public readonly description = 'Writes a session driver that works, and its test';
    protected readonly kind = {
        noun: 'session driver',
        suffixes: ['SessionDriver', 'Driver'],
        example: 'MongoSessionDriver',
        taken: ['File', 'Memory', 'Redis', 'Database'],
    };
    protected readonly path = 'sessionDrivers';

    protected override valuesOf(made: NewClass): Values {
        return { driver: driverNameOf(made) };
    }

    /** A test that runs it against the promises. One that is there is the user's, also with --force. */
    protected override afterwards(made: NewClass): void {
        const { root } = this.artisan;
        const test = join(root, 'tests/app', ...made.folders, `${made.name}.test.ts`);
        if (existsSync(join(root, 'tests')) && !existsSync(test)) {
            const kit = "import { testSessionStore } from 'sosise/testing';";
            this.write(test, `${kit}\n${this.importInto(test, made)}\n\n${testOf(made)}\n`);
            this.line(`${this.shown(test)} was made: npm test ${this.shown(test)} runs it against the promises.`);
        }
    }

    protected nextSteps(made: NewClass): NextStep[] {
        const provider = this.appProvider;
        const name = driverNameOf(made);
        return [
            {
                where: `into ${this.shown(provider)}`,
                lines: ["import { SessionManager } from 'sosise';", this.importInto(provider, made)],
            },
            {
                where: 'into its boot()',
                lines: [
                    '        const sessions = this.app.container.make(SessionManager);',
                    `        sessions.extend('${name}', (options) => new ${made.name}(options));`,
                ],
            },
            {
                where: `into ${this.shown(this.source('config/session.ts'))}, in place of driver (enabled has to be true)`,
                lines: [`    driver: '${name}',`],
            },
        ];
    }
}

/** On as many lines as the formatter gives it. */
function testOf(made: NewClass): string {
    const [name, factory] = [`'${driverNameOf(made)}'`, `() => new ${made.name}()`];
    const line = `testSessionStore(${name}, ${factory});`;
    return line.length <= WIDEST_LINE ? line : `testSessionStore(\n    ${name},\n    ${factory},\n);`;
}

/** What `driver` in the config calls it: `MongoDbSessionDriver` is `mongoDb`. */
function driverNameOf({ words }: NewClass): string {
    return words.map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1))).join('');
}
