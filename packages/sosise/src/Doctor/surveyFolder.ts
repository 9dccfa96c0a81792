import { join } from 'node:path';
import { QUARANTINE, type SessionFileNames } from '../Session/Stores/File/SessionFileNames.js';
import { filesIn } from '../Session/Stores/File/sessionFolder.js';
import { lstat } from '../Support/Files/fileCalls.js';
import { standingOf } from '../Support/Files/ProcessIdentity.js';

/** How long the names are counted, in ms: a million files take longer. */
const LONGEST_MS = 1_000;
/** A foreign process may still write: what is younger is not called left behind. */
const FOREIGN_MS = 600_000;

/** Files of a kind; `oldest` in ms since the epoch. */
export interface Pile {
    count: number;
    oldest: number;
}

export interface FolderSurvey {
    records: number;
    /** False where the time was over before the end. */
    isWhole: boolean;
    readonly aside: Pile;
    readonly leftovers: Pile;
}

/** What is in a sessions folder, by the names of its files alone. */
export async function surveyFolder(folder: string, names: SessionFileNames): Promise<FolderSurvey> {
    const until = performance.now() + LONGEST_MS;
    const survey: FolderSurvey = { records: 0, isWhole: true, aside: emptyPile(), leftovers: emptyPile() };
    for await (const file of filesIn(join(folder, QUARANTINE))) {
        const [, time] = /-(\d+)-[0-9a-f]+$/.exec(file) ?? [];
        if (time) {
            put(survey.aside, Number(time));
        }
    }
    for await (const file of filesIn(folder)) {
        if (names.keyOf(file) !== undefined) {
            survey.records += 1;
        } else {
            await countLeftover(survey.leftovers, join(folder, file), file, names);
        }
        if (performance.now() > until) {
            survey.isWhole = false;
            break;
        }
    }
    return survey;
}

/** Temporary files, and what session:test has where it was killed. Locks break by themselves when somebody wants them. */
async function countLeftover(pile: Pile, path: string, file: string, names: SessionFileNames): Promise<void> {
    const owner = names.ownerOfTemp(file) ?? names.ownerOfScratch(file);
    const isStock = names.isStockTemp(file);
    if (!owner && !isStock) {
        return;
    }
    const standing = owner ? standingOf(owner) : 'foreign';
    const time = (await lstat(path).catch(() => undefined))?.mtimeMs;
    const isLeft = standing === 'gone' || (standing === 'foreign' && Date.now() - (time ?? 0) > FOREIGN_MS);
    if (time !== undefined && isLeft) {
        put(pile, time);
    }
}

function emptyPile(): Pile {
    return { count: 0, oldest: Number.POSITIVE_INFINITY };
}

function put(pile: Pile, time: number): void {
    pile.count += 1;
    pile.oldest = Math.min(pile.oldest, time);
}
