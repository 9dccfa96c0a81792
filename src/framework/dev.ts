// Started by dev.js.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Supervisor } from './Dev/Supervisor.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [, , entry = 'src/server.ts', ...args] = process.argv;

new Supervisor({ root, entry: join(root, entry), args }).start();
