import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onlyFiles, onlyPostgres, onlyRedis, type SessionPromise, shown, type Trial } from '../Outcome.js';
import type { Rig, RigOptions, System } from '../System.js';
import { type Answer, Visitor } from '../Visitor.js';
import { knownVisitor } from './parallel.js';

/** As the issue says it; the answer has to be on its way by then. */
const WITHIN_MS = 2_000;
const RECOVERS_MS = 3_000;

interface Trouble {
    readonly name: string;
    readonly rounds: number;
    readonly options: RigOptions;
    /** A session that is stored can still be read meanwhile. */
    readonly canRead?: boolean;
    /** What a change stores meanwhile. Default: `yes`. */
    readonly value?: string;
    /** Default: systems that keep no files. */
    readonly without?: (system: System) => string | undefined;
    begin(rig: Rig, known: Visitor): void | Promise<void>;
    end(rig: Rig, known: Visitor): void | Promise<void>;
}

/** A small file system of its own, in place of the sessions folder. */
const small: RigOptions = {
    prepare: (root) =>
        mount('-t', 'tmpfs', '-o', 'size=256k,nr_inodes=200,mode=0777', 'promises', join(root, 'sessions')),
    undo: (root) => unmount({ folder: join(root, 'sessions') }),
};
const filler = (rig: Rig) => join(rig.folder, '.filler');

const TROUBLES: Trouble[] = [
    {
        name: 'a full disk',
        rounds: 4,
        options: small,
        canRead: true,
        // Grows the record out of its page: what fits there is written over in place, and needs no room.
        value: 'y'.repeat(6_000),
        begin(rig) {
            try {
                for (let size = 65_536; size > 0; size = size > 1 ? Math.floor(size / 2) : 0) {
                    fill(filler(rig), size);
                }
            } catch {
                // full
            }
        },
        end: (rig) => rmSync(filler(rig), { force: true }),
    },
    {
        name: 'a file system that is read-only',
        rounds: 4,
        options: small,
        canRead: true,
        // Over itself: remounting is refused while files are open for writing, as an application's are.
        begin(rig) {
            mount('--bind', rig.folder, rig.folder);
            mount('-o', 'remount,bind,ro', rig.folder);
        },
        end: unmount,
    },
    {
        name: 'a folder without permission',
        rounds: 4,
        options: { asNobody: true },
        begin: (rig) => chmodSync(rig.folder, 0o000),
        end: (rig) => chmodSync(rig.folder, 0o700),
    },
    {
        name: 'a folder without permission to write',
        rounds: 4,
        options: { asNobody: true },
        canRead: true,
        begin: (rig) => chmodSync(rig.folder, 0o500),
        end: (rig) => chmodSync(rig.folder, 0o700),
    },
    {
        name: 'a record without permission',
        rounds: 4,
        options: { asNobody: true },
        begin: (rig, known) => chmodSync(rig.fileOf(known.id), 0o000),
        end: (rig, known) => chmodSync(rig.fileOf(known.id), 0o600),
    },
    {
        name: 'too many open files',
        rounds: 4,
        options: { openFiles: 200 },
        async begin(rig) {
            for (const [index] of rig.servers.entries()) {
                await new Visitor().get(rig.urlOf(index, '/hog'));
            }
            await sleep(20);
        },
        async end(rig) {
            for (const [index] of rig.servers.entries()) {
                await new Visitor().get(rig.urlOf(index, '/unhog'));
            }
        },
    },
];

/** Its data are on the disk: it is there again when the server is. */
const kept: RigOptions = { redis: ['--appendonly', 'yes', '--appendfsync', 'always'] };

const REDIS_TROUBLES: Pick<Trouble, 'name' | 'canRead' | 'begin' | 'end'>[] = [
    {
        name: 'Redis is frozen (SIGSTOP)',
        begin: (rig) => rig.redis.freeze(),
        end: (rig) => rig.redis.thaw(),
    },
    {
        name: 'Redis is killed',
        begin: (rig) => rig.redis.kill(),
        end: (rig) => rig.redis.start(),
    },
    {
        name: 'Redis is full',
        canRead: true,
        begin: (rig) => rig.refuseWrites(),
        end: (rig) => rig.allowWrites(),
    },
    {
        name: 'Redis is a replica',
        canRead: true,
        begin: (rig) => void rig.redis.cli('REPLICAOF', '127.0.0.1', '1'),
        end: (rig) => void rig.redis.cli('REPLICAOF', 'NO', 'ONE'),
    },
];

const POSTGRES_TROUBLES: Pick<Trouble, 'name' | 'canRead' | 'begin' | 'end'>[] = [
    {
        name: 'PostgreSQL is frozen (SIGSTOP)',
        begin: (rig) => rig.postgres.freeze(),
        end: (rig) => rig.postgres.thaw(),
    },
    {
        name: 'PostgreSQL is killed',
        begin: (rig) => rig.postgres.kill(),
        end: (rig) => rig.postgres.start(),
    },
    {
        name: 'PostgreSQL is full',
        canRead: true,
        begin: (rig) => rig.refuseWrites(),
        end: (rig) => rig.allowWrites(),
    },
];

const ALL: Trouble[] = [
    ...TROUBLES,
    ...REDIS_TROUBLES.map((trouble) => ({ ...trouble, rounds: 4, options: kept, without: onlyRedis })),
    ...POSTGRES_TROUBLES.map((trouble) => ({ ...trouble, rounds: 4, options: {}, without: onlyPostgres })),
];

export const troubles: SessionPromise[] = ALL.map((trouble) => ({
    name: `storage trouble: ${trouble.name}`,
    without: trouble.without ?? onlyFiles,
    async run(trial: Trial) {
        if (!trouble.without && (process.getuid?.() !== 0 || process.platform !== 'linux')) {
            trial.outcome.skipped = 'takes root on Linux';
            return;
        }
        await trial.on({ idleMs: 10_000, ...trouble.options }, async (rig) => {
            let refusals = 0;
            for (let round = trial.rounds(trouble.rounds, 1); round > 0; round -= 1) {
                refusals += await meet(trial, rig, trouble);
            }
            trial.outcome.round(refusals > 0 ? undefined : 'no change was refused: the trouble was none');
        });
    },
}));

/** Gives how many changes were refused. */
async function meet(trial: Trial, rig: Rig, trouble: Trouble): Promise<number> {
    const known = await knownVisitor(rig);
    const count = rig.servers.length;
    // As many kept connections to each process as are used later: a process without free files can't accept new ones.
    await Promise.all(
        Array.from({ length: 4 * count }, (_, index) => new Visitor().get(rig.urlOf(index, '/look?wait=10'))),
    );
    await sleep(550); // from here on any request is written down as activity
    await trouble.begin(rig, known);
    const losses: (string | undefined)[] = [];
    const value = trouble.value ?? 'yes';
    const stored: string[] = [];
    for (let index = 0; index < count; index += 1) {
        const ask = (path: string, visitor = known.copy()) =>
            visitor.get(rig.urlOf(index, path), { timeoutMs: 5_000 }).catch(noAnswer);
        const change = await ask(`/set/during${index}/${value}`);
        // Room may turn up, as when files that were only kept for speed are let go: then stored has to mean stored.
        losses.push(change.status === 200 ? tooSlow('a change', change) : refused('a change', change));
        if (change.status === 200) {
            stored.push(`during${index}`);
        }
        const look = await ask('/read');
        const isRead = look.status === 200 && (look.body as Record<string, unknown>).known === 'yes';
        losses.push(isRead && trouble.canRead ? tooSlow('reading', look) : refused('reading', look));
        if (trouble.canRead && !isRead) {
            losses.push(`a touch that fails has to be logged only: ${told(look)}`);
        }
        for (const path of ['/up', '/plain']) {
            const free = await ask(path);
            losses.push(free.status === 200 ? tooSlow(path, free) : `${path}: ${told(free)}`);
        }
        const plain = await ask('/plain', new Visitor());
        losses.push(plain.status === 200 ? tooSlow('a new visitor', plain) : `a new visitor: ${told(plain)}`);
    }
    await trouble.end(rig, known);
    losses.push(await recovered(rig, known, Object.fromEntries(stored.map((name) => [name, value]))));
    for (const loss of losses) {
        trial.outcome.round(loss);
    }
    return count - stored.length;
}

/** Everything works again by itself, and nothing was lost or set aside. */
async function recovered(
    rig: Rig,
    known: Visitor,
    stored: Readonly<Record<string, string>>,
): Promise<string | undefined> {
    for (const [index] of rig.servers.entries()) {
        const change = await answerOf(rig, known, index);
        const { body } = await known.get(rig.urlOf(index, '/read')).catch(noAnswer);
        const keys = body as Record<string, unknown>;
        const wanted = Object.entries({ known: 'yes', [`after${index}`]: 'yes', ...stored });
        if (change.status !== 200 || wanted.some(([name, value]) => keys[name] !== value)) {
            return `afterwards: ${told(change)}, ${shown(body)}`;
        }
    }
    await knownVisitor(rig);
    return rig.setAside().length === 0 ? undefined : 'a good record was set aside';
}

/** Files are there at once; a server is found again within seconds. */
async function answerOf(rig: Rig, known: Visitor, index: number): Promise<Answer> {
    const until = performance.now() + (rig.system.store === 'file' ? 0 : RECOVERS_MS);
    for (;;) {
        const answer = await known
            .get(rig.urlOf(index, `/set/after${index}/yes`), { timeoutMs: 5_000 })
            .catch(noAnswer);
        if (answer.status === 200 || performance.now() > until) {
            return answer;
        }
        await sleep(50);
    }
}

function refused(what: string, answer: Answer): string | undefined {
    return answer.status === 503 ? tooSlow(what, answer) : `${what}: ${told(answer)}`;
}

function tooSlow(what: string, answer: Answer): string | undefined {
    return answer.ms <= WITHIN_MS ? undefined : `${what} took ${Math.round(answer.ms)} ms`;
}

const told = ({ status, body }: Answer) => `${status} ${shown(body)}`;

function noAnswer(error: Error): Answer {
    return { status: 0, body: error.message, ms: 0, askedAt: 0, answeredAt: 0, cookies: [] };
}

function fill(file: string, size: number): void {
    try {
        for (;;) {
            writeFileSync(file, Buffer.alloc(size), { flag: 'a' });
        }
    } catch {
        // this much does not fit any more
    }
}

/** Also where files are still open there. */
function unmount({ folder }: { folder: string }): void {
    execFileSync('umount', ['-l', folder]);
}

function mount(...args: string[]): void {
    execFileSync('mount', args);
}
