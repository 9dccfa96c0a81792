import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

interface Node {
    readonly type: string;
    readonly start: number;
    readonly end: number;
    readonly [key: string]: unknown;
}

/** Lets each function of the modules in a folder call `traced(file, name)` when it starts. */
export async function instrument(folder: string): Promise<void> {
    for (const file of await readdir(folder, { recursive: true })) {
        if (file.endsWith('.js')) {
            const path = join(folder, file);
            await writeFile(path, instrumented(await readFile(path, 'utf8'), file.slice(0, -'.js'.length)));
        }
    }
}

function instrumented(code: string, file: string): string {
    const inserts: [at: number, text: string][] = [];
    walk(parseAst(code) as unknown as Node, 'anonymous', (body, name) => {
        const call = `traced(${JSON.stringify(file)}, ${JSON.stringify(name)})`;
        if (body.type === 'BlockStatement') {
            inserts.push([body.start + 1, `${call};`]);
        } else {
            inserts.push([body.start, `(${call}, `], [body.end, ')']);
        }
    });
    inserts.sort((a, b) => b[0] - a[0]);
    return inserts.reduce((text, [at, insert]) => text.slice(0, at) + insert + text.slice(at), code);
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** Calls back with the body of each function, and the best name there is for it. */
function walk(node: Node, name: string, found: (body: Node, name: string) => void): void {
    const own = nameIn(node['id']) ?? nameIn(node['key']) ?? name;
    if (FUNCTIONS.has(node.type)) {
        found(node['body'] as Node, own);
    }
    for (const value of Object.values(node)) {
        for (const child of Array.isArray(value) ? value : [value]) {
            if (typeof child?.type === 'string') {
                walk(child as Node, own, found);
            }
        }
    }
}

function nameIn(value: unknown): string | undefined {
    return (value as { name?: string } | null | undefined)?.name;
}
