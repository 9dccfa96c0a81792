import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CopiedApp } from './docs/CopiedApp.js';
import { type Block, readDocuments } from './docs/Markdown.js';

const root = realpathSync(new URL('../../..', import.meta.url));
const documents = readDocuments(root);
const readme = documents.find(({ name }) => name === 'README.md');

/** What `npm test` runs that looks at the application or its files; the others make all that they use, and take minutes. */
const LOOK_AT_THE_APP = [
    'tests/app/',
    ...['architecture', 'config', 'docs', 'environment', 'http', 'testKit', 'welcome'],
].map((name) => (name.includes('/') ? name : `packages/sosise/tests/${name}.test.ts`));

/** The whole project, as someone has it who works on it. */
class OwnApp extends CopiedApp {
    public constructor() {
        super(root, { ownFramework: true });
        onTestFinished(() => this.remove());
        const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
        for (const name of files.filter((name) => existsSync(join(root, name)))) {
            cpSync(join(root, name), join(this.folder, name));
        }
    }

    public applyAll(blocks: readonly Block[]): void {
        expect(blocks.length).toBeGreaterThan(0);
        for (const block of blocks) {
            this.apply(block);
        }
    }

    /** What a user runs before a commit; rejects with what it printed where something is red. */
    public async check(): Promise<void> {
        await this.npm('run', 'typecheck');
        await this.npm('run', 'lint');
        await this.npm('test', '--', ...LOOK_AT_THE_APP.filter((name) => existsSync(join(this.folder, name))));
    }

    public npm(...args: string[]): Promise<string> {
        const { NODE_ENV, VITEST, SESSION_SECRET, ...env } = process.env;
        const options = { cwd: this.folder, env: { ...env, NO_COLOR: '1' }, maxBuffer: 64 * 1024 * 1024 };
        return new Promise((resolve, reject) => {
            execFile('npm', ['--silent', ...args], options, (error, output, errors) =>
                error ? reject(new Error(`npm ${args.join(' ')}: ${output}${errors}`)) : resolve(output),
            );
        });
    }
}

const quickStart = (): Block[] => {
    const end = readme?.text.slice(0, readme.text.indexOf('## What to read')).split('\n').length ?? 0;
    const lineOf = ({ place }: Block) => Number(place.split(':')[1]);
    return (readme?.blocks ?? []).filter((block) => block.path && lineOf(block) < end);
};
const typedKeys = (): Block[] =>
    documents
        .filter(({ name }) => name === 'docs/sessions.md')
        .flatMap(({ blocks }) => blocks.filter(({ path }) => path === 'src/types/session.d.ts'));

// A README of one's own has no Quick start to follow.
test.skipIf(!readme)(
    'whoever follows the Quick start, and types the keys of the session, has green tests',
    async () => {
        const own = new OwnApp();
        own.applyAll(quickStart());
        own.applyAll(typedKeys());
        await own.check();
    },
);

test('whoever gives the keys of a shop other types has nothing delivered that does not compile', async () => {
    const own = new OwnApp();
    const types = join(own.folder, 'src/types/session.d.ts');
    const keys = 'cart?: string[]; orders?: number; user?: { name: string };';
    writeFileSync(
        types,
        readFileSync(types, 'utf8').replace('views?: number;', (views) => `${views} ${keys}`),
    );
    await own.npm('run', 'typecheck');
});
