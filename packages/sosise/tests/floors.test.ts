import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(PACKAGE, 'src');

/**
 * The rooms of the framework from the ground up. A file imports its own room and rooms above it in this list, types and lazy
 * imports included. A folder without a line of its own belongs to the room of the folder around it.
 */
const ROOMS = [
    // ground
    'Support',
    'Support/Files',
    'Exceptions',
    'Telemetry',
    // config, kernel, log
    'Config',
    'Kernel',
    'Logging',
    // http
    'Http/Pages',
    'Http/Errors',
    'Http',
    // sessions
    'Session/Config',
    'Session/Record',
    'Session/Events',
    'Session/Drivers',
    'Session/Stores/Plain',
    'Session/Stores/Memory',
    'Session/Stores/File',
    'Session/Stores/Redis',
    'Session/Stores/Database',
    'Session/Sealing',
    'Session/Schema',
    'Session/Repository',
    'Session/Cookie',
    'Session/Binding',
    'Session/Forgery',
    'Session/Moving',
    'Session/Opening',
    'Session/Object',
    'Session/Request',
    'Session/Forms',
    'Session/Admin',
    'Session/Audit',
    'Session/Telemetry',
    'Session',
    'ConfigOverrides.ts',
    // users
    'Passwords',
    'Validation',
    'Welcome',
    'Doctor',
    'Contract',
    'DevTools',
    'Console',
    'Testing',
    // doors
    'index.ts',
    'console.ts',
    'devtools.ts',
    'testing.ts',
    // npm run dev
    'Dev',
    'standby.ts',
    'dev.ts',
];

const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => /\.[tj]s$/.test(name));

/** What a file imports of the framework. */
function importsOf(file: string): string[] {
    const code = readFileSync(join(FOLDER, file), 'utf8').replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
    return [...code.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)].flatMap(([, specifier = '']) => {
        const path = posix.join(posix.dirname(file), specifier);
        return [path, path.replace(/\.js$/, '.ts')].filter((name) => files.includes(name)).slice(-1);
    });
}

const imports = new Map(files.map((file) => [file, importsOf(file)]));

function roomOf(file: string): string {
    for (let place = file; place !== '.'; place = dirname(place)) {
        if (ROOMS.includes(place)) {
            return place;
        }
    }
    return `${file} is in no room`;
}

test('every file imports only what is below it', () => {
    const wrong = files.flatMap((file) => {
        const floor = ROOMS.indexOf(roomOf(file));
        const above = (imports.get(file) ?? []).filter((other) => ROOMS.indexOf(roomOf(other)) > floor);
        return floor === -1 ? [roomOf(file)] : above.map((other) => `${file} imports ${other}`);
    });
    expect(wrong).toEqual([]);
});

test('no files import each other in a circle', () => {
    const done = new Set<string>();
    function circleFrom(file: string, way: readonly string[]): string[] | undefined {
        if (way.includes(file)) {
            return [...way.slice(way.indexOf(file)), file];
        }
        if (done.has(file)) {
            return undefined;
        }
        for (const other of imports.get(file) ?? []) {
            const circle = circleFrom(other, [...way, file]);
            if (circle) {
                return circle;
            }
        }
        done.add(file);
        return undefined;
    }
    expect(files.map((file) => circleFrom(file, [])).find((circle) => circle)).toBeUndefined();
});

test('no room of the sessions has more than twelve files at one level', () => {
    const folders = files.filter((file) => file.startsWith('Session/')).map((file) => dirname(file));
    const full = [...new Set(folders)].filter((folder) => folders.filter((other) => other === folder).length > 12);
    expect(full).toEqual([]);
});

/** What the files of a folder of the package import, each behind the file's name. */
function importsIn(folder: string): { file: string; specifier: string }[] {
    return readdirSync(join(PACKAGE, folder), { recursive: true, encoding: 'utf8' })
        .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
        .filter((file) => /\.[tj]s$/.test(file))
        .flatMap((file) =>
            [...readFileSync(join(PACKAGE, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
                ([, specifier = '']) => ({ file, specifier }),
            ),
        );
}

test('tests and benchmarks know what is behind the doors only by tests/helpers/inside', () => {
    const wrong = [...importsIn('tests'), ...importsIn('bench')]
        .filter(({ file }) => !file.startsWith('tests/helpers/inside/'))
        .filter(({ file, specifier }) => posix.join(posix.dirname(file), specifier).startsWith('src/'));
    expect(wrong).toEqual([]);
});

test('nobody else comes in but by the four doors', async () => {
    const { exports } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
    expect(Object.keys(exports)).toEqual(['.', './console', './testing', './devtools']);
    const inside = createRequire(join(PACKAGE, '../../src/server.ts'));
    for (const name of ['sosise/src/index.ts', 'sosise/Session/login.js', 'sosise/package.json']) {
        expect(() => inside.resolve(name)).toThrow(/not defined by "exports"/);
    }
});
