import { type SessionPromise, shown, type Trial } from '../Outcome.js';
import type { Rig } from '../System.js';
import { Visitor } from '../Visitor.js';

/** How long the requests work between reading and answering, in ms: long enough that all have read by then. */
const WORK = 15;

type Keys = Record<string, unknown>;

/** A visitor whose session is stored. */
export async function knownVisitor(rig: Rig): Promise<Visitor> {
    const visitor = new Visitor();
    const answer = await visitor.get(rig.url('/set/known/yes'));
    if (answer.status !== 200 || !visitor.hasCookie) {
        throw new Error(`A new visitor's session could not be stored: ${answer.status} ${shown(answer.body)}`);
    }
    return visitor;
}

/** Sends the same number of tabs' requests at once; gives those that were not answered 200. */
async function atOnce(rig: Rig, visitor: Visitor, paths: readonly string[]): Promise<string | undefined> {
    const answers = await Promise.all(paths.map((path) => visitor.copy().get(rig.url(path))));
    const refused = answers.find(({ status }) => status !== 200);
    return refused && `answered ${refused.status}: ${shown(refused.body)}`;
}

/** Each process has to see the same. */
async function readEverywhere(rig: Rig, visitor: Visitor): Promise<Keys[]> {
    const answers = await Promise.all(rig.servers.map((_, index) => visitor.copy().get(rig.urlOf(index, '/read'))));
    return answers.map(({ body }) => body as Keys);
}

function differentKeys(count: number, rounds: number): SessionPromise {
    return {
        name: `${count} parallel requests set different keys`,
        async run(trial) {
            await trial.on({}, async (rig) => {
                for (let round = trial.rounds(rounds, 3); round > 0; round -= 1) {
                    const visitor = await knownVisitor(rig);
                    const names = Array.from({ length: count }, (_, index) => `key${index}`);
                    const refused = await atOnce(
                        rig,
                        visitor,
                        names.map((name) => `/set/${name}/${round}?wait=${WORK}`),
                    );
                    const seen = await readEverywhere(rig, visitor);
                    const lost = names.filter((name) => seen.some((keys) => keys[name] !== String(round)));
                    trial.outcome.round(
                        refused ?? (lost.length > 0 ? `${lost.length} of ${count} keys lost` : undefined),
                    );
                }
            });
        },
    };
}

function additions(name: string, path: string, count: number, rounds: number): SessionPromise {
    return {
        name,
        async run(trial: Trial) {
            await trial.on({}, async (rig) => {
                for (let round = trial.rounds(rounds, 3); round > 0; round -= 1) {
                    const visitor = await knownVisitor(rig);
                    const refused = await atOnce(
                        rig,
                        visitor,
                        Array.from({ length: count }, () => path),
                    );
                    const seen = (await readEverywhere(rig, visitor)).map(({ n }) => n);
                    const isLost = seen.some((n) => n !== count);
                    trial.outcome.round(
                        refused ?? (isLost ? `${count} additions gave ${seen.join(' and ')}` : undefined),
                    );
                }
            });
        },
    };
}

export const parallel: SessionPromise[] = [
    differentKeys(2, 60),
    differentKeys(20, 15),
    additions('20 parallel increment()', `/increment/n?wait=${WORK}`, 20, 15),
    additions('20 by hand under exclusive()', '/exclusive/add?wait=2', 20, 10),
];
