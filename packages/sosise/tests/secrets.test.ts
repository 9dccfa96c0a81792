import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { randomSecret, secretsIn, weaknessOf } from './helpers/inside/Config.js';

const PATTERN = 'is made of words or follows a pattern, so that it could be guessed';

function letters(alphabet: string, length: number): string {
    return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

describe('a secret is refused', () => {
    test.each(['secret', 'keyboard cat', 'shhhh, very secret', 'too short', randomBytes(15).toString('hex')])(
        'when it is shorter than 32 characters: %s',
        (secret) => {
            expect(weaknessOf(secret)).toBe('is shorter than 32 characters');
        },
    );

    test.each([
        'a'.repeat(40),
        ' '.repeat(40),
        'abababababababababababababababab',
        'aabbccddeeffgghhiijjkkllmmnnoopp',
        'a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6',
        'abcdefghijklmnopqrstuvwxyz123456',
        'zyxwvutsrqponmlkjihgfedcba987654',
        '12345678901234567890123456789012',
        '0123456789abcdef0123456789abcdef',
        '0000000000000000000000000000000000000001',
        'deadbeefdeadbeefdeadbeefdeadbeef',
        'qwertyuiopasdfghjklzxcvbnm123456',
        '1q2w3e4r5t6y7u8i9o0p1q2w3e4r5t6y',
        'changeme12345678901234567890123456',
        'a1b2c3a1b2c3a1b2c3a1b2c3a1b2c3a1b2c3',
        'JohnSmith1985JohnSmith1985JohnSmith1985',
        'Xk9!pQ2z7LmXk9!pQ2z7LmXk9!pQ2z7Lm',
        "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
        'poiuytrewqlkjhgfdsamnbvcxz0987654321',
        '!QAZ2wsx#EDC4rfv%TGB6yhn&UJM8ik<',
        'zaq12wsxcde34rfvbgt56yhnmju78ik,',
        'cafebabedeadbeefcafebabedeadbeef',
        '000102030405060708090a0b0c0d0e0f',
        '20240101202402022024030320240404',
        '3.14159265358979323846264338327950288',
        'aAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaA',
    ])('when it follows a pattern: %s', (secret) => {
        expect(weaknessOf(secret)).toBe(PATTERN);
    });

    test.each([
        'keyboard cat keyboard cat keyboard cat',
        'changemechangemechangemechangeme',
        'secret-secret-secret-secret-secret-',
        'the quick brown fox jumps over the lazy dog',
        'this-is-a-very-long-secret-value-here',
        'thisisaverylongsecretvaluehere12',
        'super-secret-key-at-least-32-characters-long',
        'my-super-secret-session-key-that-nobody-knows',
        'please-change-this-secret-in-production-1234',
        'a secret of more than thirty-two characters',
        'to be or not to be that is the question',
        'Sosise-Skeleton-Session-Secret-2026!',
    ])('when it is made of words: %s', (secret) => {
        expect(weaknessOf(secret)).toBe(PATTERN);
    });
});

describe('a long secret is refused', () => {
    test.each([
        '................................',
        'Passw0rd!Passw0rd!Passw0rd!Passw0rd!',
        'abcabcabcabcabcabcabcabcabcabcabcabc',
        'p4ssw0rd-p4ssw0rd-p4ssw0rd-p4ssw0rd',
        'replace-me-with-a-random-string-of-32-chars',
        '<your-session-secret-goes-right-here>',
        'session_secret=defaultdefaultdefault',
        'dragon-football-baseball-monkey-letmein',
        'Winter2025-Autumn2025-Spring2025-Summer2025',
        'monday tuesday wednesday thursday friday',
        'one two three four five six seven eight nine',
        'red green blue yellow orange purple black white',
        'lorem ipsum dolor sit amet consectetur adipiscing',
        'dies-ist-ein-sehr-geheimes-passwort-2024',
    ])('when it is made of what everyone tries: %s', (secret) => {
        expect(weaknessOf(secret)).toBe(PATTERN);
    });
});

describe('a secret is never refused', () => {
    test.each<[string, () => string]>([
        ['16 random bytes in hex', () => randomBytes(16).toString('hex')],
        ['32 random bytes in hex', () => randomBytes(32).toString('hex')],
        ['64 random bytes in hex, upper case', () => randomBytes(64).toString('hex').toUpperCase()],
        ['24 random bytes in base64', () => randomBytes(24).toString('base64')],
        ['24 random bytes in base64url', () => randomBytes(24).toString('base64url')],
        ['what openssl rand -base64 32 prints', () => randomBytes(32).toString('base64')],
        ['a UUID', () => randomUUID()],
        ['two UUIDs', () => randomUUID() + randomUUID()],
        ['32 random letters and digits', () => letters('abcdefghijklmnopqrstuvwxyz0123456789', 32)],
        ['50 of any kind', () => letters('abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)', 50)],
        ['what key:generate writes', randomSecret],
    ])('when it is %s', (_, make) => {
        const secrets = Array.from({ length: 300 }, make);
        expect(secrets.filter((secret) => weaknessOf(secret) !== undefined)).toEqual([]);
    });

    test('when it is seven words that dice chose', () => {
        expect(weaknessOf('mulch-vertigo-oxbow-flint-drizzly-cusp-wagon')).toBeUndefined();
    });
});

test('the secrets of a config value leave out what is unset or empty', () => {
    expect(secretsIn('one')).toEqual(['one']);
    expect(secretsIn(['one', undefined, '', ' two '])).toEqual(['one', ' two ']);
    expect([secretsIn(undefined), secretsIn(''), secretsIn([])]).toEqual([[], [], []]);
});

test('a new secret has 32 random bytes, in letters that need no quotes', () => {
    const secrets = new Set(Array.from({ length: 1000 }, randomSecret));
    expect(secrets.size).toBe(1000);
    for (const secret of secrets) {
        expect(secret).toMatch(/^[\w-]{43}$/);
    }
});
