import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { SHARES, sharesOf } from '../bench/shares.js';

const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 0 });

test('a header that Node sets counts to the stage that wanted it, and what nobody called to Node', () => {
    const nodes = [
        { id: 1, children: [2, 5], callFrame: frame('(root)', '') },
        { id: 2, children: [3], callFrame: frame('parserOnIncoming', 'node:_http_server') },
        { id: 3, children: [4], callFrame: frame('securityHeaders', 'Http/securityHeaders.js') },
        { id: 4, callFrame: frame('setHeader', 'node:_http_outgoing') },
        { id: 5, callFrame: frame('(garbage collector)', '') },
    ];
    const shares = sharesOf(nodes, ({ url }) => `${url}:1`);
    expect([2, 3, 4, 5].map((id) => shares.get(id))).toEqual([
        'Node.js: HTTP, sockets, streams',
        'security headers',
        'security headers',
        'garbage',
    ]);
});

test('every share of ours names folders and files that there are', () => {
    const source = fileURLToPath(new URL('../src', import.meta.url));
    const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).map((file) => `${file}/`);
    const folders = SHARES.flatMap(([, names]) => names.filter((name) => /^[A-Z]/.test(name)));
    const stages = SHARES.flatMap(([, , names = []]) => names.map((name) => `/${name}.ts/`));
    expect(folders.filter((name) => !files.includes(name))).toEqual([]);
    expect(stages.filter((name) => !files.some((file) => file.startsWith('Http/') && file.endsWith(name)))).toEqual([]);
});
