import { titleOf } from '../../Support/words.js';
import { filledStub } from '../filledStub.js';
import { PAGES } from './frameworkFiles.js';

/** A text that is in a file of the clone, and what an application has there. Where it was edited away, nothing is changed. */
export interface Edit {
    readonly file: string;
    readonly from: string | readonly string[];
    readonly to: string;
    readonly note: string;
}

export interface Naming {
    readonly name: string;
    /** What sosise.json calls it so far. */
    readonly formerName: string;
    /** Where the framework's documentation is. */
    readonly docs: string;
    readonly keepSources: boolean;
}

/** They are beside the sources only: a packed framework needs none. */
const stubs = new URL('./stubs/', import.meta.url);

const TITLE = /^# (?:(?:Changelog|Security policy) of |Contributing to )?Sosise Skeleton(?::.*)?$/;

/** Whether a file is still the framework's: its first line says of what it is. */
export function isOfFramework(text: string): boolean {
    return TITLE.test(text.split(/\r?\n/, 1)[0] ?? '');
}

/** The pages that come in place of the framework's, by their files; undefined where none does. */
export function ownPages({ name, docs, keepSources }: Naming): ReadonlyMap<string, string | undefined> {
    const values: Readonly<Record<string, string>> = {
        title: titleOf(name),
        docs,
        copied: keepSources ? '' : ', `packages`',
    };
    return new Map(PAGES.map(({ file, stub }) => [file, stub && filledStub(new URL(stub, stubs), values)]));
}

/** What else names the framework's clone, its folders or its tests. */
export function edits({ name, formerName, docs, keepSources }: Naming): Edit[] {
    const greeting = { from: "'Sosise Skeleton is running'", to: `'${titleOf(name)} is running'` };
    const noExample = 'without the example';
    const chapter = { from: ' docs/deploy.md', to: ` ${docs}/deploy.md`, note: 'where the documentation is' };
    return [
        {
            file: 'sosise.json',
            from: `"name": ${JSON.stringify(formerName)}`,
            to: `"name": "${name}"`,
            note: `name ${name}`,
        },
        { file: 'src/app/Http/Controllers/IndexController.ts', ...greeting, note: 'the name' },
        { file: 'tests/app/index.test.ts', ...greeting, note: 'the name' },
        { file: 'tsconfig.json', from: '"tests", "example"', to: '"tests"', note: noExample },
        { file: 'biome.json', from: '"tests/**", "example/**"', to: '"tests/**"', note: noExample },
        { file: 'vitest.config.ts', from: ITS_TESTS, to: '', note: "without the framework's tests" },
        ...['Dockerfile', 'compose.yaml', 'compose.postgres.yaml'].map((file) => ({ file, ...chapter })),
        ...(keepSources
            ? [{ file: 'packages/sosise/README.md', from: '](../../docs/', to: '](docs/', note: chapter.note }]
            : []),
    ];
}

/** What the configuration of the tests has for those of the framework. */
const ITS_TESTS = [
    "            'packages/*/vitest.config.ts', // the framework's own, in a clone\n",
    '        reporters: [new Report()],\n',
    "import { DefaultReporter, type TestModule } from 'vitest/node';\n",
    `
/** Your tests file by file; of the framework's only what fails, and the closing count. */
class Report extends DefaultReporter {
    protected override printTestModule(module: TestModule) {
        if (module.project.name !== 'framework' || !module.ok()) {
            super.printTestModule(module);
        }
    }
}
`,
];
