#!/usr/bin/env node
// What the scripts of an application's package.json call:
//     sosise dev [ENTRY] [ARGUMENT...]    runs src/server.ts, and again when a file is saved
//     sosise build                        compiles src into build
// In a clone it runs the framework's sources, in a packed framework what they were made into.
import { existsSync } from 'node:fs';

const [, , command, ...args] = process.argv;

if (command === 'dev') {
    await develop();
} else if (command === 'build') {
    await (await import('./build.js')).build();
} else {
    console.error(
        `Usage: sosise dev [ENTRY] [ARGUMENT...], or sosise build${command ? `; ${command} is neither` : ''}.`,
    );
    process.exitCode = 2;
}

async function develop() {
    try {
        import.meta.resolve('tsx');
    } catch {
        console.error('tsx is not installed, which runs TypeScript in development: run npm install.');
        process.exit(1);
    }
    await import('tsx');
    const sources = new URL('../src/dev.ts', import.meta.url);
    const { dev } = await import(existsSync(sources) ? sources.href : '../dist/dev.js');
    dev(args);
}
