import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { HttpPipeline } from 'sosise';
import { describe, expect, test } from 'vitest';
import { readDocuments } from './docs/Markdown.js';
import { createKernel } from './helpers/sessionApp.js';

const project = new URL('../../..', import.meta.url).pathname;
const guide = readDocuments(project).find(({ name }) => name === 'docs/architecture.md');

/** All files of `src`, each with its text. */
const sources = new Map(
    readdirSync(join(project, 'src'), { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.(ts|js)$/.test(file))
        .map((file) => [file, readFileSync(join(project, 'src', file), 'utf8')]),
);
const text = [...sources.values()].join('\n');

/** What the README writes, what others made, and what may be deleted. */
const NOT_IN_SRC = ['CartController', 'express.static', 'WebSockets', 'DevTools', 'DevToolsServiceProvider'];

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
        const imports = [...sources]
            .filter(([file]) => file.startsWith('framework/'))
            .flatMap(([file, code]) =>
                [...code.matchAll(/(?:from|import\()\s*'(\.[^']*)'/g)].map(([, target = '']) => ({ file, target })),
            );
        const outside = imports.filter(({ file, target }) =>
            relative(join(project, 'src/framework'), join(project, 'src', file, '..', target)).startsWith('..'),
        );
        expect(imports.length).toBeGreaterThan(200);
        expect(outside).toEqual([]);
    });

    test('and yours comes in by the doors of the framework only', () => {
        const doors = ['index.js', 'console.js', 'DevTools/DevToolsServiceProvider.js'];
        const entered = [...sources]
            .filter(([file]) => !file.startsWith('framework/'))
            .flatMap(([, code]) => [...code.matchAll(/'\.[^']*\/framework\/([^']+)'/g)].map(([, door = '']) => door));
        expect(entered.length).toBeGreaterThan(5);
        expect(entered.filter((door) => !doors.includes(door))).toEqual([]);
    });
});

test('docs/coming-from.md names on its right side nothing that is not here', () => {
    const { prose = '' } = readDocuments(project).find(({ name }) => name === 'docs/coming-from.md') ?? {};
    const right = [...prose.matchAll(/^\|.*\| (.*?) *\|$/gm)].map(([, cell = '']) => cell).join('\n');
    const called = [...right.matchAll(/\b([a-z]\w+)\(/gi)].map(([, name = '']) => name);
    const kit = readFileSync(join(project, 'tests/helpers/kit/TestClient.ts'), 'utf8');
    const app = ['createTestApp.ts', 'kit/startTestApp.ts']
        .map((file) => readFileSync(join(project, 'tests/helpers', file), 'utf8'))
        .join('\n');
    const isThere = (name: string) =>
        isCallable(name) || new RegExp(`\\b${name}(<.*>)?\\(`).test(kit + app) || ['super', 'Store'].includes(name);
    expect(called.length).toBeGreaterThan(25);
    expect([...new Set(called)].filter((name) => !isThere(name))).toEqual([]);
});

test('every number in a config has a maximum', () => {
    const configs = [...sources].filter(([file]) => /^framework\/.*(?:Config|Rules)\.ts$/.test(file));
    const numbers = configs.flatMap(([, source]) => source.match(/\b(?:integer|number)\((?:\{[^}]*\})?\)/g) ?? []);
    expect(numbers.length).toBeGreaterThan(20);
    expect(numbers.filter((rule) => !/\bmax\b/.test(rule))).toEqual([]);
});
