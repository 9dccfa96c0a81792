import { join } from 'node:path';
import { parse } from 'dotenv';
import { readEnvFile } from '../Config/envFile.js';
import type { Examined } from './Examined.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** Where variables are set: each with the words for it, the first of them wins. */
export function variableSources({ environment, outside }: Examined): readonly (readonly [string, Variables])[] {
    return [
        ['the real environment', outside],
        ['.env', variablesIn(join(environment.root, '.env'))],
    ];
}

/** Where a variable is set that has a value; undefined where it is not. */
export function sourceOfVariable(name: string, examined: Examined): string | undefined {
    return variableSources(examined).find(([, variables]) => variables[name]?.trim())?.[0];
}

export function variablesIn(file: string): Record<string, string> {
    return parse(readEnvFile(file) ?? '');
}
