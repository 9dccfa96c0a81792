import { whyNoRedis } from '../helpers/redis.js';
import { compileServer } from '../promises/compile.js';
import { campaign } from './Campaign.js';
import { SETUPS } from './Cluster.js';

/*
 * npm run model [-- --minutes=<minutes>] [-- --seconds=<seconds for one setup>] [-- --driver=<part of a setup's name>]
 *               [-- --seed=<seed>] [-- --visitors=<visitors at once>]
 *
 * Random requests of visitors at server processes that are killed and stopped, compared with a model of what the
 * documents say (docs/sessions.md, docs/concurrency.md). Ends with 1 where something does not fit; the seed that it prints asks
 * for the same requests again, though not for the same moments.
 */
const argument = (name: string) => process.argv.find((text) => text.startsWith(`--${name}=`))?.split('=')[1];
const minutes = Number(argument('minutes') ?? 0);
const seconds = Number(argument('seconds') ?? 20);
const visitors = Number(argument('visitors') ?? 14);
const most = Number(argument('most') ?? 3);
const driver = argument('driver') ?? '';
const firstSeed = argument('seed') ?? String(Date.now() % 1_000_000);

const noRedis = whyNoRedis();
const setups = SETUPS.filter(({ name, redis }) => name.includes(driver) && !(redis && noRedis));
const exact = setups.filter(({ name }) => name === driver);
const chosen = exact.length > 0 ? exact : setups;
if (chosen.length === 0) {
    console.error(`No setup is called ${driver}: ${SETUPS.map(({ name }) => name).join(', ')}.`);
    process.exit(1);
}
const server = await compileServer('model', 'child.js');
const end = Date.now() + minutes * 60_000;
let isBad = false;
try {
    for (let round = 0; round === 0 || Date.now() < end; round += 1) {
        const seed = round === 0 ? firstSeed : `${firstSeed}.${round}`;
        for (const setup of chosen) {
            const result = await campaign({ setup, script: server.script, seed, seconds, visitors, most });
            const { findings, disturbances, statuses, requests, windows, unknown, strays } = result;
            console.log(
                `--driver=${setup.name} --seed=${seed}: ${requests} requests of ${result.visitors} visitors in ${windows} windows ` +
                    `(${unknown} unknown, ${strays} strays), ${JSON.stringify(statuses)}, ${JSON.stringify(disturbances)}`,
            );
            for (const finding of findings) {
                isBad = true;
                console.log(
                    `\nWRONG (npm run model -- --driver=${setup.name} --seed=${seed} --seconds=${seconds}): ${finding}\n`,
                );
            }
        }
    }
} finally {
    await server.remove();
}
process.exit(isBad ? 1 : 0);
