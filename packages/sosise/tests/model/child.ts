import { setTimeout as sleep } from 'node:timers/promises';
import express, { type Request, type Response } from 'express';
import {
    ApplicationKernel,
    authenticatedUser,
    csrfToken,
    exclusive,
    flash,
    flashed,
    HttpPipeline,
    HttpServer,
    HttpServiceProvider,
    increment,
    Logger,
    login,
    logout,
    pull,
    ServiceProvider,
    SessionRegistry,
    SessionServiceProvider,
} from 'sosise';
import { loadManifest } from '../helpers/inside/Config.js';
import type { ChildOptions } from './ModelProcess.js';
import type { Op, Plan } from './Plan.js';

/*
 * One server process of the model's test: `node child.js '<ChildOptions as JSON>'`. It does what each request's plan asks
 * for, and says what it did and when: the clock is the machine's, the same for all processes.
 */
const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
const realNow = Date.now.bind(Date);
Date.now = () => realNow() + options.clockMs; // the clocks of several machines differ

// To a pipe, this is written at once: what was said before a kill was said.
const say = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`);
const now = () => Number(process.hrtime.bigint()) / 1e6;

type Session = Record<string, unknown> & Request['session'];

class ModelProvider extends ServiceProvider {
    public override register(): void {
        this.app.container.instance(Logger, talking());
    }

    public override boot(): void {
        const router = express.Router();
        const arrive = (request: Request, _response: Response, next: () => void) => {
            say(['arrive', idOf(request), now()]);
            next();
        };
        router.all('/go', arrive, go);
        router.all('/exclusive', arrive, exclusive(), go);
        this.app.container.make(HttpPipeline).use('routes', router);
    }
}

const app = new ApplicationKernel({
    environment: {
        root: options.root,
        name: 'test',
        isProduction: false,
        isDevelopment: false,
        manifest: loadManifest(options.project),
        notices: [],
    },
    providers: [ModelProvider, HttpServiceProvider, SessionServiceProvider],
    config: {
        app: {},
        http: { port: 0, csrf: { tokens: true }, answerTimeoutMs: options.answerTimeoutMs },
        session: { enabled: true, secret: 'a secret for the model, which is long enough', ...options.session },
    },
});

async function go(request: Request, response: Response): Promise<void> {
    const id = idOf(request);
    const plan = JSON.parse(String(request.query['plan'])) as Plan;
    say(['turn', id, now()]);
    for (const [index, op] of plan.ops.entries()) {
        const begun = now();
        try {
            const seen = await act(op, request, response);
            say(['op', id, index, begun, now(), seen]);
        } catch (error) {
            const { status = 500, message } = error as { status?: number; message: string };
            say(['op', id, index, begun, now(), { error: status, message }]);
            if (op.op !== 'reload' && !(op.op === 'save' && status === 409)) {
                say(['answer', id, now(), status]);
                throw error;
            }
        }
    }
    say(['answer', id, now()]);
    if (plan.ending === 'stream') {
        response.end('the end');
    } else if (plan.ending === 'redirect') {
        response.redirect(303, '/elsewhere');
    } else {
        response.status(plan.ending === 'refuse' ? 422 : 200).json(plan.ending);
    }
}

/** What a route does; gives what it sees. */
async function act(op: Op, request: Request, response: Response): Promise<unknown> {
    if (op.op === 'wait') {
        await sleep(op.ms);
        return null;
    }
    if (op.op === 'compute') {
        for (const until = now() + op.ms; now() < until; ) {
            // nobody else is heard meanwhile
        }
        return null;
    }
    if (op.op === 'login') {
        await login(request, op.user);
        return null;
    }
    const session = request.session as Session | undefined | null;
    if (!session) {
        return 'no session';
    }
    switch (op.op) {
        case 'read': {
            const { cookie, ...data } = session;
            const own = Object.entries(data).filter(([key]) => !key.startsWith('~flash:'));
            return { data: Object.fromEntries(own), user: authenticatedUser(request) };
        }
        case 'set':
            session[op.key] = op.value;
            return null;
        case 'delete':
            delete session[op.key];
            return null;
        case 'append': {
            const list = (session[op.key] ?? []) as unknown[];
            const before = [...list];
            list.push(op.value);
            session[op.key] = list;
            return before;
        }
        case 'increment':
            return increment(request, op.key, op.by);
        case 'pull':
            return pull(request, op.key) ?? null;
        case 'flash':
            flash(request, op.key, op.value);
            return null;
        case 'flashed':
            return flashed(request, op.key) ?? null;
        case 'maxAge':
            session.cookie.maxAge = op.ms;
            return null;
        case 'save':
        case 'reload':
        case 'regenerate':
        case 'migrate':
        case 'destroy':
            await (session[op.op] as () => Promise<void>)();
            return null;
        case 'logout':
            await logout(request);
            return null;
        case 'unset':
            request.session = null as never;
            return null;
        case 'revoke': {
            const registry = app.container.make(SessionRegistry);
            return registry.revoke(op.user, op.others ? { except: request } : {});
        }
        case 'token':
            return typeof csrfToken(request);
        case 'touch':
            session.touch();
            return null;
        case 'head':
            // Resolves when the headers have left, or never will.
            await new Promise<void>((resolve) => {
                response.once('close', resolve);
                response.write('begun\n', () => resolve());
            });
            return null;
    }
}

const idOf = (request: Request) => Number(request.query['id']);

function talking(): Logger {
    const write =
        (level: string) =>
        (message: string, context: Record<string, unknown> = {}) => {
            const { error } = context;
            say(['log', level, message, error instanceof Error ? String(error.stack) : undefined]);
        };
    const levels = ['debug', 'info', 'warning', 'error', 'critical'];
    return Object.fromEntries([
        ...levels.map((level) => [level, write(level)]),
        ['close', async () => undefined],
    ]) as unknown as Logger;
}

// A line on standard input is said again: whoever hears it has heard all that was said before.
process.stdin.on('data', (text) => say(['echo', String(text).trim().split('\n')]));
process.stdin.on('end', () => process.exit()); // whoever started this is gone
process.once('SIGTERM', async () => {
    await app.shutdown();
    process.exit();
});
await app.boot();
const { port } = await app.container.make(HttpServer).listen({ port: 0, host: '127.0.0.1' });
say(['port', port]);
