import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { clock, type Facts, type ModelProcess } from './ModelProcess.js';
import type { Plan } from './Plan.js';

/** A request that was sent, and all that became known of it. Times are of the machine's clock, in ms. */
export interface Call {
    readonly id: number;
    readonly plan: Plan;
    readonly process: ModelProcess;
    readonly place: number;
    /** The session id that it was sent with. */
    readonly cookie: string | undefined;
    readonly from: number;
    facts: Facts;
    /** When the headers had come, and all of it; unset where they did not. */
    headersAt?: number;
    until?: number;
    status?: number;
    /** The session id in its Set-Cookie; '' where that clears it. */
    sent?: string;
    body: string;
    abortedAt?: number;
    /** Why there is no whole answer. */
    failure?: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 512 });
/** For what gets no answer at all; stopped processes go on after seconds. */
const PATIENCE_MS = 90_000;
let calls = 0;

/** A browser with one cookie, which the answers replace in the order in which they come. */
export class Browser {
    private cookie: string | undefined;
    private readonly earlier: string[] = [];

    /** The session id that it holds. */
    public get holds(): string | undefined {
        return this.cookie && idIn(this.cookie);
    }

    /** Gives undefined where the process was not there to be asked. */
    public send(plan: Plan, process: ModelProcess, place: number): Promise<Call | undefined> {
        if (process.url === '') {
            return Promise.resolve(undefined); // it is starting yet
        }
        const cookie = plan.old === undefined ? this.cookie : (this.earlier.at(-plan.old) ?? this.cookie);
        calls += 1;
        const id = calls;
        const from = clock();
        const call: Call = {
            id,
            plan,
            process,
            place,
            cookie: cookie && idIn(cookie),
            from,
            facts: process.factsOf(id),
            body: '',
        };
        const query = new URLSearchParams({ id: String(id), plan: JSON.stringify(plan) });
        const path = `${process.url}/${plan.exclusive ? 'exclusive' : 'go'}?${query}`;
        const headers = {
            'sec-fetch-site': 'same-origin',
            'sec-fetch-mode': plan.page ? 'navigate' : 'cors',
            ...(cookie && { cookie }),
        };
        return new Promise((resolve) => {
            const request = httpRequest(path, { agent, headers });
            let timer: NodeJS.Timeout | undefined;
            const done = (result: Call | undefined) => {
                clearTimeout(timer);
                clearTimeout(patience);
                resolve(result);
            };
            const patience = setTimeout(() => request.destroy(new Error('no answer')), PATIENCE_MS);
            if (plan.abortMs !== undefined) {
                timer = setTimeout(() => {
                    call.abortedAt = clock();
                    request.destroy(new Error('aborted'));
                }, plan.abortMs);
            }
            request.on('response', (response) => {
                call.headersAt = clock();
                call.status = response.statusCode as number;
                this.keep(call, response.headers['set-cookie'] ?? []);
                textOf(response, call).then(
                    () => {
                        call.until = clock();
                        done(call);
                    },
                    (error: Error) => {
                        call.failure = error.message;
                        done(call);
                    },
                );
            });
            request.on('error', (error: NodeJS.ErrnoException) => {
                call.failure ??= error.message;
                done(error.code === 'ECONNREFUSED' ? undefined : call);
            });
            request.end();
        });
    }

    private keep(call: Call, lines: readonly string[]): void {
        for (const line of lines) {
            const pair = line.split(';', 1)[0] as string;
            const value = pair.slice(pair.indexOf('=') + 1);
            call.sent = value && (idIn(pair) as string);
            if (this.cookie && this.cookie !== pair) {
                this.earlier.push(this.cookie);
            }
            this.cookie = value ? pair : undefined;
        }
    }
}

/** The id in `name=s%3A<id>.<signature>`. */
function idIn(cookie: string): string | undefined {
    return /=s:([^.]+)\./.exec(decodeURIComponent(cookie))?.[1];
}

async function textOf(response: IncomingMessage, call: Call): Promise<void> {
    response.setEncoding('utf8');
    for await (const chunk of response) {
        call.body += chunk;
    }
}
