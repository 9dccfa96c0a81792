import fs from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Request, RequestHandler, Response, Router } from 'express';

/** What the two applications do in their own way. */
export interface Tools {
    exclusive(): RequestHandler;
    increment(request: Request, key: string): number;
    migrate(request: Request): Promise<void>;
}

type Data = Record<string, unknown>;

const data = (request: Request) => request.session as unknown as Data;
const number = (value: unknown) => Number(value ?? 0);

/** `?wait=20`: how long a request works between reading its session and answering, in ms. */
async function work(request: Request): Promise<void> {
    const wait = number(request.query['wait']);
    if (wait > 0) {
        await sleep(wait);
    }
}

/** The same controllers for every system under test. */
export function addRoutes(router: Router, tools: Tools): void {
    router.get('/plain', (_request, response) => {
        response.json('no session touched');
    });
    router.get('/read', (request, response) => {
        const { cookie, ...keys } = data(request);
        response.json(keys);
    });
    router.get('/look', async (request, response) => {
        const seen = Object.keys(data(request)).length;
        await work(request);
        response.json(seen);
    });
    router.get('/set/:key/:value', async (request, response) => {
        data(request)[String(request.params['key'])] = request.params['value'];
        await work(request);
        response.json('stored');
    });
    router.get('/remember/:ms', (request, response) => {
        request.session.cookie.maxAge = Number(request.params['ms']);
        data(request)['remembered'] = true;
        response.json('stored');
    });
    router.get('/large/:bytes', (request, response) => {
        data(request)['large'] = 'x'.repeat(Number(request.params['bytes']));
        response.json('stored');
    });
    const add: RequestHandler = async (request, response) => {
        const n = number(data(request)['n']);
        await work(request);
        data(request)['n'] = n + 1;
        response.json(n + 1);
    };
    router.get('/add', add);
    router.get('/exclusive/add', tools.exclusive(), add);
    router.get('/exclusive/hold', tools.exclusive(), async (request, response) => {
        await work(request);
        response.json('done');
    });
    router.get('/increment/:key', async (request, response) => {
        const n = tools.increment(request, String(request.params['key']));
        await work(request);
        response.json(n);
    });
    router.get('/login', (request, response) => {
        request.session.regenerate(() => {
            data(request)['user'] = 'Sharon';
            response.json('logged in');
        });
    });
    router.get('/migrate', async (request, response) => {
        await tools.migrate(request);
        response.json('moved');
    });
    router.get('/destroy', (request, response) => {
        request.session.destroy(() => response.json('logged out'));
    });
    addAnswers(router);
    addHog(router);
}

/** Every way to answer, each after a change that has to be stored first. */
export const ANSWERS: Record<string, (request: Request, response: Response) => unknown> = {
    json: (_request, response) => response.json('stored'),
    send: (_request, response) => response.send('stored'),
    redirect: (_request, response) => response.redirect('/read'),
    end: (_request, response) => response.status(204).end(),
    stream: (_request, response) => Readable.from(['sto', 'red']).pipe(response),
    regenerate: (request, response) => request.session.regenerate(() => response.json('stored')),
    save: (request, response) => request.session.save(() => response.json('stored')),
};

function addAnswers(router: Router): void {
    router.get('/answer/:how/:key/:value', (request, response) => {
        data(request)[String(request.params['key'])] = request.params['value'];
        ANSWERS[String(request.params['how'])]?.(request, response);
    });
}

/** Takes every file descriptor that the process may have, and each one that becomes free. */
function addHog(router: Router): void {
    const taken: number[] = [];
    let hogging: NodeJS.Timeout | undefined;
    const take = () => {
        try {
            for (;;) {
                taken.push(fs.openSync('/dev/null', 'r'));
            }
        } catch {
            // EMFILE: none is left
        }
    };
    router.get('/hog', (_request, response) => {
        take();
        hogging ??= setInterval(take, 1);
        response.json(taken.length);
    });
    router.get('/unhog', (_request, response) => {
        clearInterval(hogging);
        hogging = undefined;
        for (const fd of taken.splice(0)) {
            fs.closeSync(fd);
        }
        response.json('free');
    });
}
