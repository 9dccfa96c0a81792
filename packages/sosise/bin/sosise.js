#!/usr/bin/env node
// What the scripts of an application's package.json call:
//     sosise dev [ENTRY] [ARGUMENT...]    runs src/server.ts, and again when a file is saved
//     sosise build                        compiles src into build
// In a clone it runs the framework's sources, in a packed framework what they were made into.
import { existsSync, readFileSync } from 'node:fs';

/** Stands in a clone only. */
const SOURCES = new URL('../src/dev.ts', import.meta.url);
const [, , command, ...args] = process.argv;

if (command === 'dev') {
    refuseWhilePacked();
    await develop();
} else if (command === 'build') {
    refuseWhilePacked();
    await (await import('./build.js')).build();
} else {
    const isKnown = command === undefined || command === '--help';
    console.error(
        `Usage: sosise dev [ENTRY] [ARGUMENT...], or sosise build${isKnown ? '' : `; ${command} is neither`}.`,
    );
    process.exitCode = command === '--help' ? 0 : 2;
}

async function develop() {
    try {
        import.meta.resolve('tsx');
    } catch {
        console.error('tsx is not installed, which runs TypeScript in development: run npm install.');
        process.exit(1);
    }
    await import('tsx');
    const { dev } = await import(existsSync(SOURCES) ? SOURCES.href : '../dist/dev.js');
    dev(args);
}

/** While npm pack works, the doors of a clone lead to dist; one that was cut off leaves them so. */
function refuseWhilePacked() {
    const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    if (existsSync(SOURCES) && exports['.'].default !== './src/index.ts') {
        console.error(
            'packages/sosise/package.json is as npm pack has it while it works. If none does, this brings it back: node packages/sosise/scripts/packedManifest.js restore',
        );
        process.exit(1);
    }
}
