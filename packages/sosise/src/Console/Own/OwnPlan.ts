import { cpSync, existsSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { readEnvFile, withVariable } from '../../Config/envFile.js';
import { newEnvFile } from '../../Config/loadEnvironment.js';
import { randomSecret, SECRET } from '../../Config/secrets.js';
import { fileVariableOf } from '../../Config/variable.js';
import { changeSecrets, isFilled } from '../secretVariables.js';
import { DOCUMENTS, PACKAGE, PAGES, REMOVED, SCRIPTS } from './frameworkFiles.js';
import { npm } from './npm.js';
import { edits, isOfFramework, type Naming, ownPages } from './ownTexts.js';
import { jsonLike, ownPackage, type PackageJson, packageWithoutTests, scriptsOfClone } from './packages.js';
import type { Step } from './Step.js';

export interface Wish {
    readonly name: string;
    readonly keepSources: boolean;
}

/** Everything that makes a clone an application. All of it is read and thought out before the first step is taken. */
export class OwnPlan {
    /** In the order in which they are taken: what is most likely to fail first, and what is removed last. */
    public readonly steps: readonly Step[];
    private readonly packed: string;
    private readonly naming: Naming;

    public constructor(
        private readonly root: string,
        formerName: string,
        private readonly wish: Wish,
    ) {
        const { version } = this.json(`${PACKAGE}/package.json`);
        this.packed = `packages/sosise-${version}.tgz`;
        this.naming = {
            ...wish,
            formerName,
            docs: wish.keepSources ? `${PACKAGE}/docs` : 'node_modules/sosise/docs',
        };
        this.steps = [
            ...(wish.keepSources ? this.moveDocuments() : [this.pack()]),
            this.secret(),
            this.package(),
            ...(wish.keepSources ? [this.packageOfFramework()] : []),
            this.lock(),
            ...this.texts(),
            ...this.pages(),
            ...this.removals(),
        ];
    }

    /** Takes every step, one after the other. */
    public async act(signal: AbortSignal): Promise<void> {
        for (const step of this.steps) {
            signal.throwIfAborted();
            await step.act?.(signal);
        }
    }

    private pack(): Step {
        const args = ['pack', '--workspace', 'sosise', '--pack-destination', 'packages'];
        return {
            verb: 'Makes',
            file: this.packed,
            note: 'the framework as one file, with its documentation (npm pack)',
            act: (signal) => npm(this.root, args, signal),
        };
    }

    /** Into the package, so that the framework is one folder. */
    private moveDocuments(): Step[] {
        const moved = [...this.documents().map((name) => `docs/${name}`), ...this.ours('CHANGELOG.md')];
        return [
            {
                verb: 'Makes',
                file: `${PACKAGE}/docs`,
                note: 'its documentation, from docs, and its CHANGELOG.md beside it',
                act: () => {
                    for (const file of moved) {
                        cpSync(this.path(file), this.path(`${PACKAGE}/${file}`));
                    }
                },
            },
        ];
    }

    private secret(): Step {
        const inFile = parse(readEnvFile(this.path('.env')) ?? '');
        const names = [SECRET, fileVariableOf(SECRET)];
        if (names.some((name) => isFilled(process.env[name] ?? inFile[name]))) {
            return { verb: 'Keeps', file: '.env', note: `there is a ${SECRET} already` };
        }
        return {
            verb: existsSync(this.path('.env')) ? 'Changes' : 'Makes',
            file: '.env',
            note: `with a ${SECRET} of its own; git ignores it`,
            act: () =>
                changeSecrets(this.root, (current) =>
                    withVariable(current ?? newEnvFile(this.root), SECRET, randomSecret()),
                ),
        };
    }

    private package(): Step {
        const text = this.text('package.json');
        const current = this.json('package.json');
        const packed = this.wish.keepSources ? undefined : this.packed;
        const own = ownPackage(current, {
            name: this.wish.name,
            description: 'A starter for Express 5 and TypeScript whose sessions simply work',
            packed,
            hasWorkspaces: this.hasOtherPackages(),
        });
        const scripts = scriptsOfClone(current);
        const notes = [
            `name ${this.wish.name}`,
            ...(packed ? [`sosise from ${packed}`] : []),
            ...(scripts.length > 0 ? [`without the scripts ${scripts.join(', ')}`] : []),
        ];
        return this.change('package.json', jsonLike(text, own), notes.join('; '));
    }

    private packageOfFramework(): Step {
        const file = `${PACKAGE}/package.json`;
        const left = jsonLike(this.text(file), packageWithoutTests(this.json(file)));
        return this.change(file, left, 'without the scripts and packages of its tests');
    }

    /** By npm, so that `npm ci` works from the first commit on. Versions stay as they are. */
    private lock(): Step {
        const args = [
            'install',
            '--package-lock-only',
            '--ignore-scripts',
            '--prefer-offline',
            '--no-audit',
            '--no-fund',
        ];
        return {
            verb: 'Changes',
            file: 'package-lock.json',
            note: 'the same, by npm; every version stays',
            act: (signal) => npm(this.root, args, signal),
        };
    }

    private texts(): Step[] {
        return edits(this.naming)
            .filter(({ file }) => existsSync(this.path(file)))
            .map((edit) => ({ ...edit, text: this.text(edit.file), parts: [edit.from].flat() }))
            .filter(({ text, parts }) => parts.some((part) => text.includes(part)))
            .map(({ file, text, parts, to, note }) =>
                this.change(
                    file,
                    parts.reduce((left, part) => left.replaceAll(part, to), text),
                    note,
                ),
            );
    }

    private pages(): Step[] {
        const stubs = ownPages(this.naming);
        return PAGES.filter(({ file }) => existsSync(this.path(file))).map(({ file, note }): Step => {
            const text = stubs.get(file);
            if (!isOfFramework(this.text(file))) {
                return { verb: 'Keeps', file, note: 'its first line does not name Sosise Skeleton: it is yours' };
            }
            return text === undefined
                ? this.removal(file, note)
                : { ...this.change(file, text, note), verb: 'Replaces' };
        });
    }

    private removals(): Step[] {
        const documents: Step = {
            verb: 'Removes',
            file: 'docs',
            note: `the framework's pages, which are in ${this.naming.docs} then`,
            act: () => this.removeDocuments(),
        };
        const ofPackage: Step[] = this.wish.keepSources
            ? this.checksOfPackage().map((name) => this.removal(`${PACKAGE}/${name}`, 'what checks the framework'))
            : [this.removal(PACKAGE, 'its sources, tests and benchmarks')];
        return [
            ...(this.documents().length > 0 ? [documents] : []),
            ...REMOVED.filter(([file]) => existsSync(this.path(file))).map(([file, note]) => this.removal(file, note)),
            ...ofPackage,
        ];
    }

    /** What the package needs for nothing but its tests. */
    private checksOfPackage(): string[] {
        const scripts = readdirSync(this.path(`${PACKAGE}/scripts`)).filter((name) => !SCRIPTS.includes(name));
        return [
            ...['tests', 'bench', 'vitest.config.ts', 'vitest.full.config.ts'],
            ...scripts.map((name) => `scripts/${name}`),
        ].filter((name) => existsSync(this.path(`${PACKAGE}/${name}`)));
    }

    private removeDocuments(): void {
        for (const name of this.documents()) {
            rmSync(this.path(`docs/${name}`));
        }
        for (const folder of ['docs/images', 'docs']) {
            if (existsSync(this.path(folder)) && readdirSync(this.path(folder)).length === 0) {
                rmdirSync(this.path(folder));
            }
        }
    }

    private documents(): string[] {
        return DOCUMENTS.filter((name) => existsSync(this.path(`docs/${name}`)));
    }

    /** The file, where it is there and still the framework's. */
    private ours(file: string): string[] {
        return existsSync(this.path(file)) && isOfFramework(this.text(file)) ? [file] : [];
    }

    private hasOtherPackages(): boolean {
        return readdirSync(this.path('packages')).some(
            (name) => name !== 'sosise' && existsSync(this.path(`packages/${name}/package.json`)),
        );
    }

    private change(file: string, content: string, note: string): Step {
        const path = this.path(file);
        return { verb: 'Changes', file, note, act: () => writeFileSync(path, content) };
    }

    private removal(file: string, note: string): Step {
        return { verb: 'Removes', file, note, act: () => rmSync(this.path(file), { recursive: true, force: true }) };
    }

    private json(file: string): PackageJson {
        return JSON.parse(this.text(file)); // Node.js has read it to come here
    }

    private text(file: string): string {
        return readFileSync(this.path(file), 'utf8');
    }

    private path(file: string): string {
        return join(this.root, file);
    }
}
