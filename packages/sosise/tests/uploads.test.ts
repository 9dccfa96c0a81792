import { request } from 'node:http';
import { type Router } from 'express';
import multer from 'multer';
import { expect, test } from 'vitest';
import { sessionApp } from './helpers/sessionApp.js';

const upload = multer({ limits: { fileSize: 10, files: 2, fieldSize: 10, fieldNameSize: 10, fields: 2, parts: 3 } });

function start() {
    return sessionApp({
        environment: 'production',
        session: { driver: 'memory', cookie: { secure: false } },
        routes: (router: Router) => {
            router.post('/', upload.array('picture'), (request, response) => {
                response.json((request.files as Express.Multer.File[]).map(({ size }) => size));
            });
        },
    });
}

const file = (name: string, size: number): [string, Blob, string] => [name, new Blob(['x'.repeat(size)]), 'a.txt'];

/** What multer finds wrong with a form, by the code that it says it with. */
const wrong: Record<string, [status: number, ...fields: ([string, Blob, string] | [string, string])[]]> = {
    LIMIT_FILE_SIZE: [413, file('picture', 11)],
    LIMIT_FILE_COUNT: [413, file('picture', 1), file('picture', 1), file('picture', 1)],
    LIMIT_FIELD_VALUE: [413, ['name', 'x'.repeat(11)]],
    LIMIT_FIELD_KEY: [413, ['n'.repeat(11), 'x']],
    LIMIT_FIELD_COUNT: [413, ['a', 'x'], ['b', 'x'], ['c', 'x']],
    LIMIT_PART_COUNT: [413, ['a', 'x'], ['b', 'x'], file('picture', 1), file('picture', 1)],
    LIMIT_UNEXPECTED_FILE: [400, file('other', 1)],
};

test.each(Object.entries(wrong))('%s of multer is the fault of the client', async (_code, [status, ...fields]) => {
    const app = await start();
    const body = new FormData();
    for (const [name, value, filename] of fields) {
        if (typeof value === 'string') {
            body.append(name, value);
        } else {
            body.append(name, value, filename);
        }
    }
    const answer = await fetch(app.url, { method: 'POST', body });
    expect([answer.status, await answer.json()]).toEqual([
        status,
        { code: status, message: expect.any(String), data: null },
    ]);
    expect(app.log.filter(({ level }) => level === 'error')).toEqual([]);
});

test.each([
    ['without a boundary', 'multipart/form-data', 'x'],
    [
        'that ends too early',
        'multipart/form-data; boundary=b',
        '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx',
    ],
    ['with a broken part', 'multipart/form-data; boundary=b', '--b\r\nno header\r\n\r\nx\r\n--b--\r\n'],
])('a body %s is a 400', async (_what, type, body) => {
    const app = await start();
    const answer = await fetch(app.url, { method: 'POST', body, headers: { 'content-type': type } });
    expect([answer.status, await answer.json()]).toEqual([400, { code: 400, message: 'Bad Request', data: null }]);
});

test('a client that goes away in the midst of it is no error of the server', async () => {
    const app = await start();
    const asked = request(app.url, {
        method: 'POST',
        headers: { 'content-type': 'multipart/form-data; boundary=b', 'content-length': 1000 },
    });
    asked.on('error', () => undefined);
    asked.write('--b\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\nx');
    await new Promise((resolve) => setTimeout(resolve, 100));
    asked.destroy();
    await expect.poll(() => app.log.filter(({ message }) => /aborted|closed/i.test(message))).toHaveLength(1);
    expect(app.log.filter(({ level }) => level === 'error')).toEqual([]);
});

test('and what fits arrives', async () => {
    const app = await start();
    const body = new FormData();
    body.append(...file('picture', 9));
    expect(await (await fetch(app.url, { method: 'POST', body })).json()).toEqual([9]);
});
