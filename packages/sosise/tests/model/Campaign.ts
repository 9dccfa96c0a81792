import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, type Setup } from './Cluster.js';
import { clock } from './ModelProcess.js';
import { Random } from './Random.js';
import { type Tally, World } from './World.js';

export interface CampaignOptions {
    readonly setup: Setup;
    readonly script: string;
    readonly seed: string;
    readonly seconds: number;
    /** How many visitors at once. */
    readonly visitors?: number;
    /** How many findings end it. */
    readonly most?: number;
}

export interface CampaignResult extends Tally {
    readonly visitors: number;
    readonly disturbances: Readonly<Record<string, number>>;
    readonly findings: readonly string[];
}

/** For this part of the time nothing happens to the processes: then no request has an excuse. */
const CALM = 0.35;

/** Visitors on one setup, for some time. */
export async function campaign(options: CampaignOptions): Promise<CampaignResult> {
    const { setup, script, seed, seconds, visitors = 14, most = 3 } = options;
    const cluster = await Cluster.open(setup, script, new Random(`${seed} ${setup.name}`));
    const tally: Tally = { requests: 0, windows: 0, statuses: {}, unknown: 0, strays: 0 };
    const findings: string[] = [];
    const started = clock();
    const isOver = () => clock() - started > seconds * 1000 || findings.length >= most;
    let count = 0;
    const visit = async () => {
        while (!isOver()) {
            count += 1;
            const name = `v${count}`;
            const random = new Random(`${seed} ${setup.name} ${name}`);
            // A few wait until ids are old; there is time for that in longer runs only.
            const world = new World(name, cluster, random, tally, seconds > 45 && random.chance(0.3));
            const wrong = await world.live(isOver);
            if (wrong !== undefined) {
                findings.push(wrong);
            }
        }
    };
    const disturb = async () => {
        const random = new Random(`${seed} ${setup.name} trouble`);
        await until(seconds * 1000 * CALM, isOver);
        if (setup.before) {
            await cluster.changeDriver();
        }
        while (!isOver()) {
            await cluster.disturb();
            await until(random.between(200, 2_000), isOver);
        }
    };
    try {
        await Promise.all([disturb(), ...Array.from({ length: visitors }, visit)]);
    } finally {
        await cluster.close();
    }
    findings.push(...cluster.faults);
    for (const { level, message, stack } of cluster.log) {
        if (level === 'critical' || /damaged/.test(message)) {
            findings.push(`the log says: ${message} ${stack ?? ''}`);
        }
    }
    return { ...tally, visitors: count, disturbances: cluster.counts, findings };
}

async function until(ms: number, isOver: () => boolean): Promise<void> {
    for (const end = clock() + ms; clock() < end && !isOver(); ) {
        await sleep(Math.min(100, Math.max(0, end - clock())));
    }
}
