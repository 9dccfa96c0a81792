import { vi } from 'vitest';
import type { Ran } from './consoleProject.js';
import { Artisan, type ArtisanOptions } from './helpers/inside/Console.js';

/** Runs a command line of a console in this process. `hears` is told of each text on standard output. */
export async function inThisProcess(
    options: ArtisanOptions,
    line: string | readonly string[],
    hears: (text: string) => void = () => {},
): Promise<Ran> {
    const printed = { output: '', errors: '' };
    const output = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
        printed.output += text;
        hears(String(text));
        return true;
    });
    const errors = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
        printed.errors += text;
        return true;
    });
    const args = typeof line === 'string' ? line.split(' ').filter(Boolean) : line;
    try {
        return { code: await new Artisan(options).run(args), ...printed };
    } finally {
        output.mockRestore();
        errors.mockRestore();
    }
}
