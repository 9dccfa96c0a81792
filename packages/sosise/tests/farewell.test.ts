import type { Router } from 'express';
import { flash, flashed } from 'sosise';
import { expect, test } from 'vitest';
import { loginRoutes } from './helpers/loginRoutes.js';
import { createTestApp } from './stockTestApp.js';

/** The recipes of docs/security.md. */
function routes(router: Router): void {
    router.post('/goodbye', async (request, response) => {
        await request.session.regenerate();
        flash(request, 'notice', 'Goodbye');
        response.redirect(303, '/');
    });
    router.get('/', async (request, response) => {
        const ended = request.sessionEnded;
        if (ended) {
            await request.session.regenerate();
            flash(request, 'notice', ended);
            return response.redirect(303, '/');
        }
        return response.json({ notice: flashed(request, 'notice') ?? null });
    });
    loginRoutes(router);
}

const open = () => createTestApp({ session: { enabled: true, cookie: { secure: false } } }, { routes });

test('a goodbye waits in a new session for the next page, and the old one has ended', async () => {
    const client = (await open()).client().actingAs(7).withSession({ name: 'Ann' });
    const copy = await client.copy();
    (await client.submit('/goodbye')).assertJson({ notice: 'Goodbye' });
    (await client.visit('/')).assertJson({ notice: null });
    expect([await client.user(), await client.session(), await copy.user()]).toEqual([undefined, {}, undefined]);
});

test('the end of a session is told once', async () => {
    const client = (await open()).client().actingAs(7);
    const elsewhere = await client.copy();
    await client.submit('/logout');
    (await elsewhere.visit('/')).assertJson({ notice: 'destroyed' });
    (await elsewhere.visit('/')).assertJson({ notice: null });
});
