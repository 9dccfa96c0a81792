import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { HttpPipeline } from 'sosise';
import { describe, expect, test } from 'vitest';
import { readDocuments } from './docs/Markdown.js';
import { createKernel } from './helpers/sessionApp.js';

const project = new URL('../../..', import.meta.url).pathname;
const guide = readDocuments(project).find(({ name }) => name === 'docs/architecture.md');

/** The files of folders of the repository, by their paths in it, each with its text. */
const filesOf = (...folders: string[]) =>
    new Map(
        folders
            .flatMap((folder) =>
                readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' }).map(
                    (name) => `${folder}/${name.replaceAll('\\', '/')}`,
                ),
            )
            .filter((file) => /\.(ts|js)$/.test(file) && !file.includes('/node_modules/'))
            .map((file) => [file, readFileSync(join(project, file), 'utf8')]),
    );

/** Where the framework is. All else of the repository is the user's. */
const FRAMEWORK = 'packages/sosise';
const framework = filesOf(`${FRAMEWORK}/src`);
const sources = new Map([...filesOf('src'), ...framework]);
const text = [...sources.values()].join('\n');

const DOORS = ['sosise', 'sosise/console', 'sosise/testing', 'sosise/devtools'];

/** What the files import, lazily too. */
const importsOf = (files: ReadonlyMap<string, string>) =>
    [...files].flatMap(([file, code]) =>
        [...code.matchAll(/(?:from|import)\s*\(?\s*'([^'\n]+)'/g)].map(([, target = '']) => ({
            file,
            target,
            path: target.startsWith('.') ? posix.join(posix.dirname(file), target) : target,
        })),
    );

/** What the README writes, what others made, and a folder. */
const NOT_IN_SRC = ['CartController', 'express.static', 'WebSockets', 'DevTools'];

const isDeclared = (name: string) =>
    NOT_IN_SRC.includes(name) ||
    new RegExp(`\\b(class|interface|type|const|function) ${name}\\b`).test(text) ||
    [...sources.keys()].some((file) => new RegExp(`(^|/)${name}\\.ts$`).test(file));
const isCallable = (name: string) =>
    new RegExp(`\\b(async |static |function )?\\*?${name}(<[^>]*>)?\\(.*(\\{|;)?$`, 'm').test(text);

/** The stages of the picture, each with the handlers beside it. */
const stagesShown = [...(guide?.text ?? '').matchAll(/^ {2}(\w+) *\| {2}(.+?) {2,}/gm)].map(
    ([, stage = '', handlers = '']) => ({ stage, handlers: handlers.split(', ') }),
);

describe('docs/architecture.md', () => {
    test('shows the stages of the pipeline in their order', async () => {
        const { app } = createKernel();
        await app.wire();
        expect(stagesShown.map(({ stage }) => stage)).toEqual(app.container.make(HttpPipeline).names());
        await app.shutdown();
    });

    test('names beside them handlers that there are', () => {
        const handlers = stagesShown.flatMap((shown) => shown.handlers);
        expect(handlers.filter((name) => !isDeclared(name.replace(/\.ts$/, '')))).toEqual([]);
        expect(handlers.length).toBeGreaterThan(10);
    });

    test('names no class, function or file that is not in src', () => {
        const classes = guide?.text.match(/\b[A-Z][a-z]+(?:[A-Z][a-z]*)+\b(?!\()/g) ?? [];
        const functions = [...(guide?.text ?? '').matchAll(/\b([a-z]\w+)\(/gi)].map(([, name = '']) => name);
        const files = guide?.text.match(/\b\w+\.ts\b/g) ?? [];
        expect(classes.length).toBeGreaterThan(30);
        expect([...new Set(classes)].filter((name) => !isDeclared(name))).toEqual([]);
        expect([...new Set(functions)].filter((name) => !isCallable(name))).toEqual([]);
        const known = [...sources.keys()].map((file) => file.split('/').at(-1));
        expect([...new Set(files)].filter((file) => !known.includes(file))).toEqual([]);
    });

    test('says where the zones end: the framework imports nothing of yours', () => {
        const files = new Map([...framework, ...filesOf(`${FRAMEWORK}/bin`)]);
        const imports = importsOf(files).filter(({ target }) => target.startsWith('.'));
        expect(imports.length).toBeGreaterThan(200);
        expect(imports.filter(({ path }) => !path.startsWith(`${FRAMEWORK}/`))).toEqual([]);
    });

    test('and yours comes in by the doors of the framework only', () => {
        const folders = ['src', 'tests', 'example'].filter((name) => existsSync(join(project, name)));
        const entered = importsOf(filesOf(...folders)).filter(({ path }) => /^(?:sosise|packages)(?:\/|$)/.test(path));
        expect(entered.length).toBeGreaterThan(5);
        expect(entered.filter(({ path }) => !DOORS.includes(path))).toEqual([]);
    });

    test('names every door', () => {
        expect(DOORS.filter((door) => !guide?.text.includes(`\`${door}\``))).toEqual([]);
    });
});

test('docs/coming-from.md names on its right side nothing that is not here', () => {
    const { prose = '' } = readDocuments(project).find(({ name }) => name === 'docs/coming-from.md') ?? {};
    const right = [...prose.matchAll(/^\|.*\| (.*?) *\|$/gm)].map(([, cell = '']) => cell).join('\n');
    const called = [...right.matchAll(/\b([a-z]\w+)\(/gi)].map(([, name = '']) => name);
    const app = readFileSync(join(project, 'tests/helpers/createTestApp.ts'), 'utf8');
    const isThere = (name: string) =>
        isCallable(name) || new RegExp(`\\b${name}(<.*>)?\\(`).test(app) || ['super', 'Store'].includes(name);
    expect(called.length).toBeGreaterThan(25);
    expect([...new Set(called)].filter((name) => !isThere(name))).toEqual([]);
});

test('every number in a config has a maximum', () => {
    const configs = [...framework].filter(([file]) => /(?:Config|Rules)\.ts$/.test(file));
    const numbers = configs.flatMap(([, source]) => source.match(/\b(?:integer|number)\((?:\{[^}]*\})?\)/g) ?? []);
    expect(numbers.length).toBeGreaterThan(20);
    expect(numbers.filter((rule) => !/\bmax\b/.test(rule))).toEqual([]);
});
