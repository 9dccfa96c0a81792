import { randomBytes } from 'node:crypto';
import { sign } from 'cookie-signature';
import { type AppName, type AppOptions, AppProcess, SECRET } from './AppProcess.js';
import { type Answer, LoadClient, type Measured, posted, type Visits } from './LoadClient.js';

export type WorkloadName = 'none' | 'read' | 'change' | 'change-form' | 'new' | 'new-form' | 'unknown';

export interface Load {
    connections: number;
    sessions: number;
    seconds: number;
}

export interface Sample extends Measured {
    /** CPU time of the server per request in microseconds, where it is known. */
    cpu: number | undefined;
}

/** A visitor that the client plays. */
interface Visitor {
    readonly user: number;
    cookie: string;
    count: number;
}

/** Cookies with unknown ids, made beforehand: signing costs as much as a request. */
const UNKNOWN = 4096;
/** Connections that give the visitors their sessions. */
const FILLING = 16;
/** Of more visitors than this, only so many are read back. */
const READ_BACK = 1024;

/** What is posted, as JSON and as a form: made beforehand, too. */
interface Posted<T> {
    readonly sent: T;
    readonly json: string;
    readonly form: string;
}

const CHANGES = Array.from({ length: 64 }, (_, each) =>
    written({ add: 1 + (each % 3), note: `Please ring twice at door ${each}` }),
);
const NEWCOMERS = Array.from({ length: 64 }, (_, user) => newcomer(user));

/** A running app, the sessions it was given, and the requests it gets. */
export class Subject {
    private readonly visitors: Visitor[] = [];
    private readonly unknown: string[] = [];
    private newest: Visitor[] = [];
    private unknownAt = 0;

    private constructor(
        public readonly app: AppProcess,
        private readonly workload: WorkloadName,
        private readonly load: Load,
    ) {}

    public static async start(
        name: AppName,
        workload: WorkloadName,
        load: Load,
        options: AppOptions,
    ): Promise<Subject> {
        const app = await AppProcess.start(name, options);
        await app.ready('/plain');
        const subject = new Subject(app, workload, load);
        await subject.connected(FILLING, (client) => subject.fill(client));
        return subject;
    }

    /** Keeps the app busy for a time, and checks afterwards that what it was told is stored. */
    public measure(seconds: number, workload = this.workload): Promise<Sample> {
        const plans = Array.from({ length: this.load.connections }, (_, lane) => this.plan(lane, workload));
        return this.connected(this.load.connections, async (client) => {
            const before = this.app.cpuMicroseconds();
            const measured = await client.run(plans, seconds);
            const after = this.app.cpuMicroseconds();
            await this.readBack(client);
            const cpu = before !== undefined && after !== undefined ? (after - before) / measured.requests : undefined;
            return { ...measured, cpu };
        });
    }

    public stop(): Promise<void> {
        return this.app.stop();
    }

    private async connected<T>(connections: number, work: (client: LoadClient) => Promise<T>): Promise<T> {
        const client = await LoadClient.connect(this.app.port, connections);
        try {
            return await work(client);
        } catch (error) {
            throw new Error(`${this.app.name}: ${(error as Error).message}`, { cause: error });
        } finally {
            client.close();
        }
    }

    private plan(lane: number, workload: WorkloadName): Visits {
        const { connections } = this.load;
        const format = workload.endsWith('-form') ? 'form' : 'json';
        let turn = 0;
        let visitor: Visitor;
        switch (workload) {
            case 'none':
                return { next: () => ({ path: '/plain', cookie: '' }), check: (answer) => expectBody(answer, PLAIN) };
            case 'new':
            case 'new-form':
                return {
                    next: () => {
                        const body = one(NEWCOMERS, lane + turn++);
                        visitor = { user: body.sent.user, cookie: '', count: 0 };
                        return { path: '/new', cookie: '', post: body[format] };
                    },
                    check: (answer) => {
                        expectBody(answer, sessionBody(visitor.user, 0));
                        visitor.cookie = cookieFrom(answer);
                        this.newest[lane] = visitor;
                    },
                };
            case 'unknown':
                return {
                    next: () => ({ path: '/read', cookie: one(this.unknown, this.unknownAt++) }),
                    check: (answer) => expectBody(answer, sessionBody(null, null)),
                };
            default: {
                let body: (typeof CHANGES)[number] | undefined;
                // Where connections share sessions, two changes may meet, and a hand-wired app loses one of them.
                const alone = this.load.sessions >= connections;
                return {
                    next: () => {
                        visitor = one(this.visitors, lane + turn++ * connections);
                        const { cookie } = visitor;
                        if (workload === 'read') {
                            return { path: '/read', cookie };
                        }
                        body = one(CHANGES, lane + turn);
                        return { path: '/change', cookie, post: body[format] };
                    },
                    check: (answer) => {
                        visitor.count += body?.sent.add ?? 0;
                        if (alone) {
                            expectBody(answer, sessionBody(visitor.user, visitor.count));
                        } else {
                            expectUser(answer, visitor.user);
                        }
                    },
                };
            }
        }
    }

    /** Gives each visitor a session. */
    private async fill(client: LoadClient): Promise<void> {
        await client.each(this.firstVisits());
        const name = this.visitors[0]?.cookie.split('=')[0];
        for (let index = 0; this.workload === 'unknown' && index < UNKNOWN; index += 1) {
            const id = randomBytes(24).toString('base64url');
            this.unknown.push(`${name}=${encodeURIComponent(`s:${sign(id, SECRET)}`)}`);
        }
    }

    private *firstVisits(): Generator<Visits> {
        for (let user = 0; user < this.load.sessions; user += 1) {
            const visitor = { user, cookie: '', count: 0 };
            this.visitors.push(visitor);
            yield {
                next: () => ({ path: '/new', cookie: '', post: newcomer(user).json }),
                check: (answer) => {
                    expectBody(answer, sessionBody(user, 0));
                    visitor.cookie = cookieFrom(answer);
                },
            };
        }
    }

    /** A fast answer is worth nothing if the session was not stored. */
    private async readBack(client: LoadClient): Promise<void> {
        if (this.load.sessions < this.load.connections) {
            return;
        }
        for (const { user, count, cookie } of [...this.visitors.slice(0, READ_BACK), ...this.newest]) {
            await client.first({
                next: () => ({ path: '/read', cookie }),
                check: (answer) => expectBody(answer, sessionBody(user, count)),
            });
        }
    }
}

function newcomer(user: number) {
    return written({ user, name: `Visitor ${user}`, email: `visitor-${user}@example.com` });
}

function written<T extends object>(sent: T): Posted<T> {
    const form = new URLSearchParams(Object.entries(sent)).toString();
    return {
        sent,
        json: posted('application/json', JSON.stringify(sent)),
        form: posted('application/x-www-form-urlencoded', form),
    };
}

function one<T>(all: readonly T[], at: number): T {
    return all[at % all.length] as T;
}

const PLAIN = '{"code":1000,"message":"plain","data":null}';

function sessionBody(user: number | null, count: number | null): string {
    return `{"code":1000,"message":"session","data":{"user":${user},"count":${count}}}`;
}

function expectBody(answer: Answer, body: string): void {
    if (answer.status !== 200 || answer.body !== body) {
        throw new Error(`expected 200 ${body}, got ${answer.status} ${answer.body.slice(0, 200)}`);
    }
}

function expectUser(answer: Answer, user: number): void {
    if (answer.status !== 200 || !answer.body.includes(`"user":${user},`)) {
        throw new Error(`expected 200 for user ${user}, got ${answer.status} ${answer.body.slice(0, 200)}`);
    }
}

function cookieFrom({ head }: Answer): string {
    const line = head.split('\r\n').find((header) => /^set-cookie: /i.test(header));
    if (!line) {
        throw new Error('a new session came without a cookie');
    }
    return line.slice('set-cookie: '.length).split(';')[0] as string;
}
