import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { compileServer, PROJECT } from '../promises/compile.js';
import { instrument } from './instrument.js';

/** A function that started: its file, relative to src and without its ending, and its name. */
export type Call = readonly [file: string, name: string];

/** What one request passes from the session stage until its answer has left, all in the framework. */
export interface Passage {
    readonly calls: readonly Call[];
    readonly functions: number;
    readonly files: number;
    /** How often a function of another file than the one before starts. */
    readonly changesOfFile: number;
    /** Files of Session/. */
    readonly sessionFiles: number;
}

/** Traces a request that reads its session and one that changes it, with sessions in files and warm caches. */
export async function traceRequests(): Promise<{ read: Passage; change: Passage }> {
    const server = await compileServer('trace', 'server.js');
    try {
        const folder = dirname(dirname(dirname(server.script)));
        await instrument(join(folder, 'src'));
        const recorder = pathToFileURL(join(dirname(server.script), 'recorder.js')).href;
        const args = ['--import', recorder, server.script, PROJECT];
        const { stdout } = await promisify(execFile)(process.execPath, args);
        const { read, change } = JSON.parse(stdout) as { read: Call[]; change: Call[] };
        return { read: passageOf(read), change: passageOf(change) };
    } finally {
        await server.remove();
    }
}

function passageOf(calls: readonly Call[]): Passage {
    const files = new Set(calls.map(([file]) => file));
    return {
        calls,
        functions: new Set(calls.map((call) => call.join(' '))).size,
        files: files.size,
        changesOfFile: calls.filter(([file], index) => index > 0 && file !== calls[index - 1]?.[0]).length,
        sessionFiles: [...files].filter((file) => file.startsWith('Session/')).length,
    };
}
