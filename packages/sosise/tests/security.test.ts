import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** What ASVS 5.0 asks of sessions (V7), cookies (V3.3), headers (V3.4), request origin (V3.5.1 to 3) and logs (V16). */
const ASVS = [
    ...['7.1.1', '7.1.2', '7.1.3', '7.2.1', '7.2.2', '7.2.3', '7.2.4', '7.3.1', '7.3.2'],
    ...['7.4.1', '7.4.2', '7.4.3', '7.4.4', '7.4.5', '7.5.1', '7.5.2', '7.5.3', '7.6.1', '7.6.2'],
    ...['3.3.1', '3.3.2', '3.3.3', '3.3.4', '3.3.5', '3.5.1', '3.5.2', '3.5.3', '4.4.2'],
    ...['3.4.1', '3.4.2', '3.4.3', '3.4.4', '3.4.5', '3.4.6', '3.4.7', '3.4.8'],
    ...['16.1.1', '16.2.1', '16.2.2', '16.2.3', '16.2.4', '16.2.5', '16.3.1', '16.3.2', '16.3.3', '16.3.4'],
    ...['16.4.1', '16.4.2', '16.4.3', '16.5.1', '16.5.2', '16.5.3', '16.5.4'],
];

interface Row {
    readonly id: string;
    readonly name: string;
    readonly state: string;
    readonly does: string;
    readonly proof: string;
    readonly left: string;
}

const text = readFileSync(new URL('../../../docs/security.md', import.meta.url), 'utf8');
const rows: Row[] = text
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter((cells) => /^(?:\d+\.\d+\.\d+|sheet:) /.test(cells[1] ?? ''))
    .map(([, name = '', state = '', does = '', proof = '', left = '']) => ({
        id: name.split(' ')[0] ?? '',
        name: name.slice(name.indexOf(' ') + 1),
        state,
        does,
        proof,
        left,
    }));

test('the table names every requirement once', () => {
    const numbered = rows.filter(({ id }) => id !== 'sheet:');
    expect(numbered.map(({ id }) => id).sort()).toEqual([...ASVS].sort());
});

test.each(rows)('$id $name says what is done, and what is left and why', ({ state, does, left, proof }) => {
    expect(['met', 'with you']).toContain(state);
    expect(does).not.toBe('');
    expect(state === 'met' ? proof : left).not.toBe('');
});

test.each(rows.filter(({ proof }) => proof !== ''))('$id $name is proved by a test that runs: $proof', ({ proof }) => {
    const [, title = '', file = ''] = /^`(.+)` \((\w+(?:\.full)?\.test\.ts)\)$/.exec(proof) ?? [];
    const path = new URL(file, import.meta.url);
    expect(existsSync(path), file).toBe(true);
    const source = readFileSync(path, 'utf8');
    const at = source.indexOf(`'${title}'`);
    expect(at, `a test named '${title}' in ${file}`).toBeGreaterThan(0);
    // What calls it is the nearest test before it; neither that nor what is around it may be skipped.
    const call = [...source.slice(0, at).matchAll(/\b(?:test|it)(?=[.(])/g)].at(-1)?.index ?? 0;
    expect(source.slice(call, at)).toMatch(/^(?:test|it)(?:\.each\(.*\))?\(\s*$/s);
    expect(source).not.toMatch(/\b(?:describe|test|it)\.(?:only|skip|todo|fails)\b|\bdescribe\.skipIf/);
});
