import { scryptSync } from 'node:crypto';
import { hashPassword, needsRehash, ServiceUnavailableException, verifyPassword } from 'sosise';
import { describe, expect, test } from 'vitest';

/** A cheap hash, as one that was made long ago. */
function hashOf(password: string, { ln = 4, r = 8, p = 1, bytes = 32 } = {}): string {
    const salt = Buffer.from('sixteen bytes ok');
    const key = scryptSync(password, salt, bytes, { N: 2 ** ln, r, p });
    const text = (part: Buffer) => part.toString('base64').replace(/=+$/, '');
    return `$scrypt$ln=${ln},r=${r},p=${p}$${text(salt)}$${text(key)}`;
}

describe('a hash', () => {
    test('fits its password alone, says with which parameters it was made, and is another one each time', async () => {
        const [hash, other] = await Promise.all([hashPassword('a long sentence'), hashPassword('a long sentence')]);
        expect(hash).toMatch(/^\$scrypt\$ln=17,r=8,p=1\$[A-Za-z\d+/]{22}\$[A-Za-z\d+/]{43}$/);
        expect(other).not.toBe(hash);
        expect(needsRehash(hash)).toBe(false);
        expect(await verifyPassword('a long sentence', hash)).toBe(true);
    });

    test('of other parameters is verified by them, and a weaker one is to be replaced', async () => {
        for (const cost of [{}, { ln: 5, p: 3 }, { ln: 10, r: 4 }, { bytes: 64 }]) {
            expect(await verifyPassword('tea', hashOf('tea', cost))).toBe(true);
            expect(await verifyPassword('coffee', hashOf('tea', cost))).toBe(false);
            expect(needsRehash(hashOf('tea', cost))).toBe(true);
        }
        expect(needsRehash(`$scrypt$ln=18,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`)).toBe(false);
    });

    test('fits a letter however it was typed', async () => {
        expect(await verifyPassword('cafe\u0301', hashOf('caf\u00e9'))).toBe(true);
    });

    test('that is none, or would cost too much, is to be replaced', async () => {
        const valid = hashOf('tea');
        const broken = [
            '',
            'tea',
            '$2b$12$abcdefghijklmnopqrstuv',
            `${valid}\n`,
            valid.slice(0, -25),
            valid.replace('ln=4', 'ln=0'),
            valid.replace('ln=4', 'ln=40'),
            valid.replace('p=1', 'p=99'),
            valid.replace('r=8', 'r=0'),
            valid.replace('ln=4,r=8', 'ln=16,r=1'),
            valid.replace(/\$[^$]*$/, '$'),
        ];
        for (const hash of broken) {
            expect(needsRehash(hash), hash).toBe(true);
        }
    });

    test('is not made of what can be no password, and none of it fits', async () => {
        for (const password of ['', 'x'.repeat(1_025), undefined, ['tea'], 7]) {
            await expect(hashPassword(password as string)).rejects.toThrow('needs a text of 1 to 1024 characters');
            expect(await verifyPassword(password as string, hashOf(String(password)))).toBe(false);
        }
    });
});

test('where there is no hash, or none that can be read, it takes as long as with one, and is false', async () => {
    const began = performance.now();
    expect(await Promise.all([undefined, '$2b$12$abc'].map((hash) => verifyPassword('tea', hash)))).toEqual([
        false,
        false,
    ]);
    const nobody = performance.now() - began;
    await hashPassword('tea');
    // Without the work it would take less than a hundredth.
    expect(nobody).toBeGreaterThan((performance.now() - began - nobody) / 5);
});

test('a burst waits, and who comes behind forty others is told to come back: the event loop goes on', async () => {
    const hash = hashOf('tea', { ln: 10 });
    let turns = 0;
    const ticking = setInterval(() => {
        turns += 1;
    });
    const burst = await Promise.allSettled(Array.from({ length: 50 }, () => verifyPassword('tea', hash)));
    clearInterval(ticking);
    const refused = burst.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    expect(burst.filter((each) => each.status === 'fulfilled' && each.value)).toHaveLength(42);
    expect(refused).toHaveLength(8);
    expect(refused[0]).toBeInstanceOf(ServiceUnavailableException);
    expect(refused[0]).toMatchObject({ status: 503, headers: { 'Retry-After': '10' } });
    expect(turns).toBeGreaterThan(1);
    expect(await verifyPassword('tea', hash)).toBe(true);
});
