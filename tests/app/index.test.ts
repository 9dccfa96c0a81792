import { expect, test } from 'vitest';
import { createTestApp } from '../helpers/createTestApp.js';

test('the index page says that the application runs', async () => {
    const app = await createTestApp();

    const answer = await app.client().get('/');

    answer.assertOk();
    expect(answer.json()).toEqual({ code: 1000, message: 'Sosise Skeleton is running', data: null });
});

test('an address without a route is a 404 in the envelope', async () => {
    const app = await createTestApp();

    const answer = await app.client().get('/nowhere');

    answer.assertStatus(404);
    expect(answer.json()).toEqual({ code: 404, message: 'There is no route for GET /nowhere', data: null });
});
