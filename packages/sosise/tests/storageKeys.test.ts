import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
    fingerprintOf,
    isPlainId,
    isSessionKey,
    isUserKey,
    KEY_CHECK,
    keyOf,
    userKeyOf,
} from './helpers/inside/Session/Record.js';

const hashed = (text: string) => createHash('sha256').update(text).digest('base64url');

test('a session is stored under the hash of its id, and the list of a user under that of theirs', () => {
    expect(keyOf('an id')).toBe(`sha256-${hashed('an id')}`);
    expect(userKeyOf('7')).toBe(`user-${hashed('7')}`);
    expect(fingerprintOf(keyOf('an id'))).toBe(hashed('an id').slice(0, 10));
});

test('a name is a session or a list, or neither', () => {
    const names = [keyOf('7'), userKeyOf('7'), KEY_CHECK, 'an-id', '', `${keyOf('7')}=`, `x${userKeyOf('7')}`];
    expect(names.filter(isSessionKey)).toEqual([keyOf('7')]);
    expect(names.filter(isUserKey)).toEqual([userKeyOf('7')]);
});

test('no cookie names what is stored beside the sessions: such an id is looked for by its hash only', () => {
    const refused = [keyOf('7'), userKeyOf('7'), KEY_CHECK, '~', `~${hashed('7')}`];
    expect(refused.filter(isPlainId)).toEqual([]);
    const plain = ['an-id', 'an-id~', `${KEY_CHECK}s`, 'user-7', 'sha256-7'];
    expect(plain.filter(isPlainId)).toEqual(plain);
});
