import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../helpers/createTestApp.js';

let server: TestApp;

beforeAll(async () => {
    server = await createTestApp();
});

afterAll(() => server.close());

test('the index page says that the application runs', async () => {
    const response = await fetch(server.url);

    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ code: 1000, message: 'Sosise Skeleton is running', data: null });
});

test('an address without a route is a 404 in the envelope', async () => {
    const response = await fetch(`${server.url}/nowhere`);

    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ code: 404, message: 'There is no route for GET /nowhere', data: null });
});
