import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, Exception, NotFoundException } from 'sosise';
import { expect, test } from 'vitest';
import { PROJECT } from './stock.js';

const sources = join(PROJECT, 'packages/sosise/src');
const codesIn = (text: string, form: RegExp) => [...text.matchAll(form)].map(([, code = '']) => code);

test('docs/errors.md lists every code that the framework gives its errors, and no other', () => {
    const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const given = files.flatMap((name) => codesIn(readFileSync(join(sources, name), 'utf8'), /'(E_[A-Z_]+)'/g));
    const listed = codesIn(readFileSync(join(PROJECT, 'docs/errors.md'), 'utf8'), /^\| `(E_[A-Z_]+)` \|/gm);
    expect(listed.length).toBeGreaterThan(25);
    expect([...listed].sort()).toEqual([...new Set(given)].sort());
});

test('an error of the framework has a code beside its sentence, whatever the envelope says', () => {
    expect(new ConfigError('Wrong')).toMatchObject({ errorCode: 'E_CONFIG_INVALID', message: 'Wrong' });
    expect(new NotFoundException()).toMatchObject({ errorCode: 'E_NOT_FOUND', code: 404 });
    expect(new Exception('Own', { errorCode: 'E_OWN', code: 3000 })).toMatchObject({ errorCode: 'E_OWN', code: 3000 });
    expect(new Exception('Own').errorCode).toBeUndefined();
});
