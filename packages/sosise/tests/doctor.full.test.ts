import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConsoleProject } from './consoleProject.js';

/** A project whose sessions are on. */
function projectWithSessions(): ConsoleProject {
    const project = new ConsoleProject();
    const config = project.get('src/config/session.ts');
    project.put('src/config/session.ts', config.replace('enabled: false', 'enabled: true'));
    return project;
}

/** A console of its own, and when it has printed a text. */
function started(project: ConsoleProject, args: string[], text: string) {
    const child = spawn(join(project.folder, 'artisan'), args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const printed = { output: '', errors: '' };
    child.stderr.on('data', (chunk) => {
        printed.errors += chunk;
    });
    const reached = new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk) => {
            printed.output += chunk;
            printed.output.includes(text) && resolve();
        });
    });
    const signal = (name: NodeJS.Signals) => process.kill(-(child.pid as number), name);
    return { reached, signal, printed, closed: once(child, 'close').then(([code]) => code as number | null) };
}

test('a fresh clone has one warning, which tells how to turn sessions on, and then none', async () => {
    const project = new ConsoleProject();
    const fresh = await project.artisan('session:doctor');
    expect([fresh.code, fresh.errors]).toEqual([0, '']);
    expect(fresh.output.match(/^(warning|problem) .*\n.*$/gm)).toEqual([
        expect.stringMatching(
            /Off: request\.session is undefined\.\n +Fix: Set enabled to true in src\/config\/session\.ts\.$/,
        ),
    ]);
    const config = project.get('src/config/session.ts');
    project.put('src/config/session.ts', config.replace('enabled: false', 'enabled: true'));
    const on = await project.artisan('session:doctor');
    expect(on.output).toMatch(/\n\nSessions will work here\.\n$/);
    expect(project.has('storage'), 'it looked, and made no folder').toBe(false);
});

test('the built application is looked at and tried as it is in production, without the packages of development', async () => {
    const project = projectWithSessions();
    await project.build();
    project.installForProduction();
    const production = { NODE_ENV: 'production' };

    const weak = await project.artisan('session:doctor', { ...production, SESSION_SECRET: 'keyboard cat' });
    expect([weak.code, weak.errors]).toEqual([1, 'Sessions will not work here: 1 problem, 1 warning.\n']);
    expect(weak.output).toMatch(/^problem {2}Secret /m);
    expect(weak.output).not.toContain('keyboard cat');
    const redis = await project.artisan('session:doctor --driver=redis', production);
    expect([redis.code, redis.output]).toEqual([1, expect.stringContaining('npm install connect-redis redis')]);

    const tried = await project.artisan('session:test', { ...production, SESSION_SECRET: 'keyboard cat' });
    expect([tried.code, tried.errors]).toEqual([0, '']);
    expect(tried.output).toContain('It keeps 45 of 45 promises.');
});

test('Ctrl-C ends session:test and its folder; where it is killed, the doctor tells, and the next pruning cleans up', async () => {
    const project = projectWithSessions();
    const folder = join(project.folder, 'storage/sessions');
    const stopped = started(project, ['session:test'], 'gives what was set');
    await stopped.reached;
    stopped.signal('SIGINT');
    expect(await stopped.closed).toBe(1);
    expect(stopped.printed.errors).toBe('Stopped before the end.\n');
    expect(readdirSync(folder)).toEqual([]);

    const killed = started(project, ['session:test'], 'gives what was set');
    await killed.reached;
    killed.signal('SIGKILL');
    await killed.closed;
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^\.contract-/)]);
    const left = await project.artisan('session:doctor');
    expect(left.output).toMatch(/left 1 file behind.* The next pruning removes them\./);
    const { FileStore } = await import('./helpers/inside/Session/Stores/File.js');
    const store = new FileStore({ path: folder });
    await store.tidy(0);
    store.close();
    expect(readdirSync(folder)).toEqual([]);
});
