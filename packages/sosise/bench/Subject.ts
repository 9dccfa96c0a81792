import { randomBytes } from 'node:crypto';
import { sign } from 'cookie-signature';
import { type AppName, type AppOptions, AppProcess, SECRET } from './AppProcess.js';
import { type Answer, LoadClient, type Measured, type Visits } from './LoadClient.js';

export type WorkloadName = 'none' | 'read' | 'change' | 'new' | 'unknown';

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
        const mine = (turn: number) => this.visitors[(lane + turn * connections) % this.visitors.length] as Visitor;
        let turn = 0;
        let visitor: Visitor;
        switch (workload) {
            case 'none':
                return { next: () => ({ path: '/plain', cookie: '' }), check: (answer) => expectBody(answer, PLAIN) };
            case 'new':
                return {
                    next: () => {
                        visitor = { user: lane + turn++, cookie: '', count: 0 };
                        return { path: `/new?user=${visitor.user}`, cookie: '' };
                    },
                    check: (answer) => {
                        expectBody(answer, sessionBody(visitor.user, 0));
                        visitor.cookie = cookieFrom(answer);
                        this.newest[lane] = visitor;
                    },
                };
            case 'unknown':
                return {
                    next: () => ({ path: '/read', cookie: this.unknown[this.unknownAt++ % UNKNOWN] as string }),
                    check: (answer) => expectBody(answer, sessionBody(null, null)),
                };
            default: {
                const changes = workload === 'change';
                // Where connections share sessions, two changes may meet, and a hand-wired app loses one of them.
                const alone = this.load.sessions >= connections;
                return {
                    next: () => {
                        visitor = mine(turn++);
                        return { path: changes ? '/change' : '/read', cookie: visitor.cookie };
                    },
                    check: (answer) => {
                        visitor.count += changes ? 1 : 0;
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
                next: () => ({ path: `/fill?user=${user}`, cookie: '' }),
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
