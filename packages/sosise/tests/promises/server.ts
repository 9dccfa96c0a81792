import type { AddressInfo } from 'node:net';
import type { ServerOptions } from '../helpers/server/ServerOptions.js';
import { skeleton } from '../helpers/server/skeleton.js';
import { handwired } from './handwired.js';

/*
 * One server process under test: `node server.js '<ServerOptions as JSON>'`. Says `{"loaded":true}`, waits for a line
 * on its standard input, starts, and says `{"port":…}`; then what it logs, a JSON object a line.
 */
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const options = JSON.parse(process.argv[2] ?? '{}') as ServerOptions;

// Loaded now, as the drivers load when they are chosen: starting is then a matter of milliseconds.
await Promise.all([
    import('../helpers/inside/Session/Stores/File.js'),
    import('../helpers/inside/Session/Stores/Memory.js'),
    import('../helpers/inside/Session/Stores/Redis.js'),
    import('../helpers/inside/Session/Stores/Database.js'),
    import('pg'),
]);
say({ loaded: true });
await new Promise((resolve) => process.stdin.once('data', resolve));
process.stdin.on('end', () => process.exit()); // whoever started this is gone

if (options.wiring === 'handwired') {
    const server = handwired(options).listen(0, '127.0.0.1', () => {
        say({ port: (server.address() as AddressInfo).port });
    });
} else {
    say({ port: await skeleton(options, say) });
}
