import { Agent, get as httpGet, type IncomingMessage } from 'node:http';

export interface Answer {
    readonly status: number;
    /** The answer's JSON, or its text where it is none. */
    readonly body: unknown;
    /** From asking to the end of the answer, in ms. */
    readonly ms: number;
    /** When the request was sent and when its answer had arrived, in ms since the epoch. */
    readonly askedAt: number;
    readonly answeredAt: number;
    /** The Set-Cookie lines. */
    readonly cookies: readonly string[];
}

export interface Asking {
    /** Called when the answer's headers arrive, before its body. */
    onHeaders?: () => void;
    /** After this many ms the request counts as never answered. */
    timeoutMs?: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/** A browser with one cookie jar, over kept connections. */
export class Visitor {
    public constructor(private readonly jar = new Map<string, string>()) {}

    /** Another tab, or a thief: the same cookies, from now on by itself. */
    public copy(): Visitor {
        return new Visitor(new Map(this.jar));
    }

    public get hasCookie(): boolean {
        return this.jar.size > 0;
    }

    /** The session's id, as the cookie carries it. */
    public get id(): string {
        const [value = ''] = this.jar.values();
        return decodeURIComponent(value).slice(2).split('.')[0] ?? '';
    }

    /** Rejects where no answer came: refused, reset, or after the timeout. */
    public get(url: string, { onHeaders, timeoutMs = 15_000 }: Asking = {}): Promise<Answer> {
        const askedAt = Date.now();
        const started = performance.now();
        const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
        const answer = new Promise<Answer>((resolve, reject) => {
            const request = httpGet(url, { agent, ...(cookie && { headers: { cookie } }) }, (response) => {
                onHeaders?.();
                const cookies = response.headers['set-cookie'] ?? [];
                this.keep(cookies);
                textOf(response).then((text) => {
                    clearTimeout(timer);
                    const ms = performance.now() - started;
                    const body = parsed(text);
                    resolve({ status: response.statusCode ?? 0, body, ms, askedAt, answeredAt: Date.now(), cookies });
                }, reject);
            });
            const timer = setTimeout(
                () => request.destroy(new Error(`no answer within ${timeoutMs} ms: ${url}`)),
                timeoutMs,
            );
            request.on('error', (error) => {
                clearTimeout(timer);
                reject(error);
            });
        });
        answer.catch(() => undefined); // whoever awaits it later hears of it then
        return answer;
    }

    private keep(lines: readonly string[]): void {
        for (const line of lines) {
            const [pair = '', ...attributes] = line.split(';');
            const at = pair.indexOf('=');
            const expires = attributes.find((attribute) => /^\s*expires=/i.test(attribute))?.split('=')[1];
            if (expires !== undefined && Date.parse(expires) < Date.now()) {
                this.jar.delete(pair.slice(0, at));
            } else {
                this.jar.set(pair.slice(0, at), pair.slice(at + 1));
            }
        }
    }
}

async function textOf(response: IncomingMessage): Promise<string> {
    let text = '';
    response.setEncoding('utf8');
    for await (const chunk of response) {
        text += chunk;
    }
    return text;
}

function parsed(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}
