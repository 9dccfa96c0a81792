import { dirname, relative, sep } from 'node:path';

/** As biome.json has it. */
export const WIDEST_LINE = 120;

/** How a TypeScript file imports another one: relative, and ending in `.js`. Both are absolute paths. */
export function importPath(from: string, to: string): string {
    const path = relative(dirname(from), to).split(sep).join('/').replace(/\.ts$/, '.js');
    return path.startsWith('.') ? path : `./${path}`;
}
