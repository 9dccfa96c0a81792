import { describe, expect, test } from 'vitest';
import { banner } from './helpers/inside/Http.js';
import { createKernel, type SessionAppOptions } from './helpers/sessionApp.js';

const shown = (options: SessionAppOptions) =>
    banner(createKernel(options).app, { address: '::', family: 'IPv6', port: 10_000 });

describe('the banner', () => {
    test('names the driver, and those that sessions still come from', () => {
        expect(shown({ session: { driver: 'file' } })).toContain('  Sessions     on, driver file\n');
        expect(shown({ session: { driver: 'redis', fallback: ['file'] } })).toContain(
            '  Sessions     on, driver redis, and file for what has not moved\n',
        );
    });

    test('warns where production lets plain http in, with sessions or without', () => {
        const trial = (more: object): SessionAppOptions => ({
            environment: 'production',
            session: { cookie: { secure: false }, ...more },
        });
        for (const enabled of [true, false]) {
            expect(shown(trial({ enabled }))).toContain(
                'Plain http is let in, for session cookies too (SESSION_SECURE=',
            );
        }
        expect(shown({ environment: 'production', http: { trustProxy: 1 } })).not.toContain('Warning');
        expect(shown({ session: { cookie: { secure: false } } })).not.toContain('Warning');
    });

    test('warns where the cookie needs https, and no proxy is trusted to say that there is', () => {
        const session = { cookie: { secure: true } };
        expect(shown({ session })).toContain('No session can be stored yet');
        for (const options of [{ session, http: { trustProxy: 1 } }, { session: { ...session, proxy: true } }]) {
            expect(shown(options)).not.toContain('Warning');
        }
        expect(shown({ session: { ...session, enabled: false } })).not.toContain('Warning');
    });
});
