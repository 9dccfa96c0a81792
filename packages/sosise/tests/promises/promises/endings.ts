import { setTimeout as sleep } from 'node:timers/promises';
import { type SessionPromise, shown, type Trial } from '../Outcome.js';
import type { Rig } from '../System.js';
import type { Answer, Visitor } from '../Visitor.js';
import { knownVisitor } from './parallel.js';

type Keys = Record<string, unknown>;

interface Ending {
    readonly name: string;
    /** The request that is under way when the session ends. */
    readonly inFlight: string;
    /** How the session ends. */
    readonly end: string;
    readonly rounds: number;
    /** So short that a request of a fresh session has to write it down as activity. */
    readonly touches?: boolean;
}

const ENDINGS: Ending[] = [
    { name: 'destroy during a save', inFlight: '/set/late/yes', end: '/destroy', rounds: 60 },
    { name: 'destroy during a touch', inFlight: '/look', end: '/destroy', rounds: 40, touches: true },
    { name: 'destroy during increment()', inFlight: '/increment/late', end: '/destroy', rounds: 30 },
    { name: 'regenerate kills the old id', inFlight: '/set/late/yes', end: '/login', rounds: 50 },
    { name: 'migrate kills the old id', inFlight: '/set/late/yes', end: '/migrate', rounds: 50 },
];

export const endings: SessionPromise[] = ENDINGS.map((ending) => ({
    name: ending.name,
    async run(trial: Trial) {
        await trial.on(ending.touches ? { idleMs: 20_000 } : {}, async (rig) => {
            const rounds = trial.rounds(ending.rounds, 5);
            // In groups: a touch is due only after a while, which they wait for together.
            for (let done = 0; done < rounds; ) {
                const visitors = await Promise.all(
                    Array.from({ length: Math.min(10, rounds - done) }, () => knownVisitor(rig)),
                );
                await sleep(ending.touches ? 1_050 : 0);
                for (const visitor of visitors) {
                    trial.outcome.round(await endDuring(rig, visitor, ending));
                    done += 1;
                }
            }
        });
    },
}));

/** What went wrong, if something did. */
async function endDuring(rig: Rig, visitor: Visitor, { inFlight, end }: Ending): Promise<string | undefined> {
    const old = visitor.copy();
    const tab = visitor.copy();
    const wait = Math.floor(Math.random() * 12);
    const late = tab.get(rig.url(`${inFlight}?wait=${wait}`));
    await sleep(Math.random() * 8);
    const ended = await visitor.get(rig.url(end));
    const lateAnswer = await late;
    if (ended.status !== 200) {
        return `${end} was answered ${ended.status}: ${shown(ended.body)}`;
    }
    return (
        (await staysDead(rig, old, end)) ??
        (end === '/destroy' ? undefined : await livesOn(rig, visitor, end)) ??
        replacesCookie(lateAnswer, ended, visitor)
    );
}

/**
 * The old id opens nothing, on no process, and gets no cookie that would replace the browser's newer one; after a logout there
 * is none, and what comes begins a new session.
 */
async function staysDead(rig: Rig, old: Visitor, end: string): Promise<string | undefined> {
    for (const [index] of rig.servers.entries()) {
        const before = old.id;
        const answer = await old.get(rig.urlOf(index, '/read'));
        if (Object.keys((answer.body ?? {}) as Keys).length > 0) {
            return `the old id still opens ${shown(answer.body)}`;
        }
        const write = await old.copy().get(rig.urlOf(index, '/set/again/yes'));
        const isReplaced = end !== '/destroy' && write.cookies.length > 0;
        if (rig.system.wiring === 'skeleton' && (isReplaced || old.id !== before)) {
            return 'a late request with the old id was given a cookie';
        }
        const again = await old.get(rig.urlOf(index, '/read'));
        if (Object.keys((again.body ?? {}) as Keys).length > 0) {
            return `a late request brought the old id back with ${shown(again.body)}`;
        }
    }
    return undefined;
}

async function livesOn(rig: Rig, visitor: Visitor, end: string): Promise<string | undefined> {
    for (const [index] of rig.servers.entries()) {
        const { body } = await visitor.copy().get(rig.urlOf(index, '/read'));
        const keys = body as Keys;
        const isRight = end === '/login' ? keys.user === 'Sharon' && keys.known === undefined : keys.known === 'yes';
        if (!isRight || (end === '/login' && keys.late !== undefined)) {
            return `after ${end} the new id holds ${shown(body)}`;
        }
    }
    return undefined;
}

/** An answer that arrives after the one that ended the session must not undo that in the browser. */
function replacesCookie(late: Answer, ended: Answer, visitor: Visitor): string | undefined {
    return late.answeredAt > ended.answeredAt &&
        late.cookies.some((line) => !line.includes(visitor.id) && late.status < 400)
        ? 'the late answer gave the browser another cookie'
        : undefined;
}
