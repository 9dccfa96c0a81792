import { type SessionPromise, shown } from '../Outcome.js';
import type { Answer } from '../Visitor.js';
import { knownVisitor } from './parallel.js';

/** Browsers follow a redirect when its headers arrive: by then the save must be over. */
export const redirects: SessionPromise[] = [
    {
        name: 'a redirect arrives after the save',
        async run(trial) {
            await trial.on({}, async (rig) => {
                for (let round = trial.rounds(60, 10); round > 0; round -= 1) {
                    const visitor = await knownVisitor(rig);
                    let followed: Promise<Answer> | undefined;
                    await visitor.get(rig.url(`/answer/redirect/turn/${round}`), {
                        onHeaders: () => {
                            followed = visitor.copy().get(rig.url('/read'));
                        },
                    });
                    const body = (await followed)?.body as Record<string, unknown>;
                    trial.outcome.round(body.turn === String(round) ? undefined : `after the redirect: ${shown(body)}`);
                }
            });
        },
    },
];
