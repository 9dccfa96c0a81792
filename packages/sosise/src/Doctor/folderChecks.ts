import { randomBytes } from 'node:crypto';
import { type Stats, type StatsFs, writeFile } from 'node:fs';
import { mkdtemp, rmdir, stat, statfs } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { SessionFileNames } from '../Session/Stores/File/SessionFileNames.js';
import { isClosedByStart } from '../Session/Stores/File/sessionFolder.js';
import { codeOf, readFile, unlinkIfThere } from '../Support/Files/fileCalls.js';
import { counted, sizeOf, timeInWords } from '../Support/words.js';
import { type Check, ok, problem, warning } from './Check.js';
import type { Examined } from './Examined.js';
import { looked } from './looked.js';
import { surveyFolder } from './surveyFolder.js';

const NAME = 'Folder';
const FIX = 'or name another in drivers.file.path (src/config/session.ts).';
const LITTLE_BYTES = 100_000_000;
const LITTLE_PART = 0.05;
const DAY_MS = 86_400_000;
/** Processes that are killed while they write leave a file each. */
const MANY_LEFT = 100;
const write = promisify(writeFile);

/** Numbers of Linux for file systems (statfs), and what they mean for sessions. */
const PASSING = new Map([
    [0x01021994, 'tmpfs'],
    [0x858458f6, 'ramfs'],
]);
const REMOTE = new Map([
    [0x6969, 'NFS'],
    [0x517b, 'SMB'],
    [0xff534d42, 'CIFS'],
    [0xfe534d42, 'SMB'],
]);
const OVERLAY = 0x794c7630;

/**
 * Whether the folder of the file driver can be used, and what is in it. Changes nothing but for a file of its own.
 * `isReady`: the driver would take the folder as it is.
 */
export async function folderChecks(
    options: Record<string, unknown>,
    examined: Examined,
): Promise<{ checks: Check[]; isReady: boolean }> {
    const folder = String(options['path']);
    const found = await statOf(folder);
    if (found === undefined) {
        const parent = await nearestFolder(folder);
        const disk = await looked('Free space', () => diskChecks(parent, examined));
        return { checks: [await toBeMade(folder, parent), ...disk], isReady: false };
    }
    if (found instanceof Error || !found.isDirectory()) {
        const why = found instanceof Error ? `can't be entered (${codeOf(found)})` : 'is a file';
        const fix = `Give the user that runs the application a folder there, ${FIX}`;
        return { checks: [problem(NAME, `${folder} ${why}.`, fix)], isReady: false };
    }
    const names = new SessionFileNames(String(options['fileExtension'] ?? '.json'));
    const owner = ownerOf(folder, found, names);
    const [written, disk, held] = await Promise.all([
        looked('Writing', async () => [await writing(folder, names)]),
        looked('Free space', () => diskChecks(folder, examined)),
        looked('Records', () => contents(folder, names, examined)),
    ]);
    // To open the driver would close the folder, and the doctor changes nothing.
    const isReady = !isClosedByStart(folder, names) && [owner, ...written].every(({ status }) => status === 'ok');
    return { checks: [owner, ...written, ...disk, ...held], isReady };
}

async function statOf(path: string): Promise<Stats | Error | undefined> {
    try {
        return await stat(path);
    } catch (error) {
        return codeOf(error) === 'ENOENT' ? undefined : (error as Error);
    }
}

async function nearestFolder(folder: string): Promise<string> {
    const parent = dirname(folder);
    return (await statOf(parent)) === undefined && parent !== folder ? nearestFolder(parent) : parent;
}

/** Tried with a folder of another name: root may do everything, but not on a file system that is read only. */
async function toBeMade(folder: string, parent: string): Promise<Check> {
    try {
        await rmdir(await mkdtemp(join(parent, '.doctor-')));
        return ok(NAME, `${folder} is not there yet: it is made at the first start, for its owner only.`);
    } catch (error) {
        const text = `${folder} is not there, and can't be made in ${parent} (${codeOf(error)}).`;
        return problem(NAME, text, `Make it for the user that runs the application, ${FIX}`);
    }
}

function ownerOf(folder: string, { uid, mode }: Stats, names: SessionFileNames): Check {
    const me = process.getuid?.();
    const rights = (mode & 0o777).toString(8);
    const { username } = userInfo();
    if (me !== undefined && uid !== me) {
        return warning(
            NAME,
            `${folder} belongs to user ${uid}, and this is ${username} (${me}): what one writes the other may not read.`,
            'Run the doctor as the user that runs the application, and give the folder to that user with chown.',
        );
    }
    if (isClosedByStart(folder, names)) {
        return ok(NAME, `${folder} belongs to ${username}, and is closed to others (now ${rights}) at the next start.`);
    }
    return (mode & 0o077) === 0
        ? ok(NAME, `${folder} belongs to ${username}, and nobody else can enter it (${rights}).`)
        : warning(
              NAME,
              `${folder} is open to other users of this machine (${rights}).`,
              `Close it: chmod 700 ${folder}`,
          );
}

/** A file of its own, which is gone afterwards. */
async function writing(folder: string, names: SessionFileNames): Promise<Check> {
    const name = 'Writing';
    const path = join(folder, names.temp());
    const text = randomBytes(4_096).toString('base64');
    const started = performance.now();
    try {
        await write(path, text, { flag: 'wx', mode: 0o600 });
        const isSame = (await readFile(path, 'utf8')) === text;
        await unlinkIfThere(path);
        const took = timeInWords(performance.now() - started);
        return isSame
            ? ok(name, `A file was written, read and removed in ${took}.`)
            : problem(name, 'A file came back changed.', `Check the disk, ${FIX}`);
    } catch (error) {
        await unlinkIfThere(path).catch(() => undefined);
        const code = codeOf(error);
        const fix =
            code === 'ENOSPC' || code === 'EDQUOT'
                ? 'Make room on the disk'
                : 'Give the user that runs the application the right to write there';
        return problem(name, `A file can't be written there (${code}).`, `${fix}, ${FIX}`);
    }
}

async function diskChecks(folder: string, { environment }: Examined): Promise<Check[]> {
    const disk = await statfs(folder);
    return [...kindOf(disk, environment.isProduction), room(disk)];
}

function kindOf({ type }: StatsFs, isProduction: boolean): Check[] {
    const name = 'File system';
    const [passing, remote] = [PASSING.get(type), REMOTE.get(type)];
    if (passing) {
        return [
            warning(
                name,
                `It is in memory (${passing}): sessions end when the machine restarts.`,
                `Use a folder on a disk: drivers.file.path in src/config/session.ts.`,
            ),
        ];
    }
    if (remote) {
        return [
            warning(
                name,
                `It is on another machine (${remote}): that changes are merged and locks hold is promised on one machine only.`,
                "Use a folder on a disk of this machine; for several machines set driver: 'redis' in src/config/session.ts.",
            ),
        ];
    }
    return type === OVERLAY && isProduction
        ? [
              warning(
                  name,
                  'It is the layer of a container (overlay): sessions end when the container is replaced.',
                  'Mount a volume there, as compose.yaml does.',
              ),
          ]
        : [];
}

function room({ bavail, blocks, bsize, ffree, files }: StatsFs): Check {
    const name = 'Free space';
    if (blocks === 0) {
        return ok(name, 'The file system does not tell how much is free.');
    }
    const free = bavail * bsize;
    const text = `${sizeOf(free)} of ${sizeOf(blocks * bsize)} are free${files > 0 ? `, and ${counted(ffree, 'file')} can be made` : ''}.`;
    const fix = 'Make room on the disk, or name a folder on another in drivers.file.path (src/config/session.ts).';
    if (free === 0 || (files > 0 && ffree === 0)) {
        return problem(name, `${text} No session can begin.`, fix);
    }
    const isLittle = free < LITTLE_BYTES || bavail < blocks * LITTLE_PART || (files > 0 && ffree < files * LITTLE_PART);
    return isLittle ? warning(name, text, fix) : ok(name, text);
}

async function contents(folder: string, names: SessionFileNames, examined: Examined): Promise<Check[]> {
    const { records, isWhole, aside, leftovers } = await surveyFolder(folder, names);
    const { keepDamagedMs, pruneIntervalMs } = examined.settings;
    const found = `${isWhole ? '' : 'At least '}${counted(records, 'record')}`;
    return [
        ok('Records', `${found} ${records === 1 && isWhole ? 'is' : 'are'} stored.`),
        asideCheck(
            aside,
            keepDamagedMs,
            `Look at them in ${join(folder, '.set-aside')}: a disk that was full, or another program that writes there.`,
        ),
        left(leftovers, pruneIntervalMs, folder),
    ];
}

/** Damaged records that are kept for a person. @param oldest In ms since the epoch. */
export function asideCheck({ count, oldest }: { count: number; oldest: number }, keepMs: number, fix: string): Check {
    if (count === 0) {
        return ok('Quarantine', 'No damaged record was quarantined.');
    }
    const goesAt = oldest + keepMs;
    const day = new Date(goesAt).toISOString().slice(0, 10);
    const going = goesAt > Date.now() ? `It goes by itself on ${day}.` : 'The next pruning removes it.';
    const age = timeInWords(Math.max(1_000, Date.now() - oldest));
    const text = `${counted(count, 'damaged record')} ${count === 1 ? 'was' : 'were'} quarantined, the oldest ${age} ago. ${going}`;
    return warning('Quarantine', text, fix);
}

function left({ count, oldest }: { count: number; oldest: number }, pruneIntervalMs: number, folder: string): Check {
    const name = 'Leftovers';
    if (count === 0) {
        return ok(name, 'Processes that were killed left nothing behind.');
    }
    const age = Date.now() - oldest;
    const text = `Processes that were killed left ${counted(count, 'file')} behind, the oldest ${timeInWords(Math.max(1_000, age))} ago.`;
    if (pruneIntervalMs > 0 && age < DAY_MS && count < MANY_LEFT) {
        return ok(name, `${text} The next pruning removes them.`);
    }
    return warning(
        name,
        text,
        pruneIntervalMs > 0
            ? 'Start the application, which removes them; where it runs, find out what kills it (memory?).'
            : `Take pruneIntervalMs: 0 out of src/config/session.ts, or remove the files in ${folder} that begin with a dot while nothing runs.`,
    );
}
