/** What a request may say, besides its path. */
export interface Visit {
    method?: string;
    headers?: Record<string, string>;
    /** Sent as JSON; URLSearchParams as a form. */
    body?: unknown;
}

const FORM = 'application/x-www-form-urlencoded';

/** Sends requests as a browser does: keeps the cookies that it is given, and sends them back. */
export class Browser {
    public readonly cookies = new Map<string, string>();
    /** Every Set-Cookie line received, oldest first. */
    public readonly received: string[] = [];

    public constructor(protected readonly url: string) {}

    /** Asks for a path; redirects are not followed. */
    public async visit(path: string, { method = 'GET', headers = {}, body }: Visit = {}): Promise<Response> {
        const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
        const isForm = body instanceof URLSearchParams;
        const response = await this.send(new URL(path, this.url), {
            method,
            redirect: 'manual',
            headers: {
                ...(cookie !== '' && { cookie }),
                ...(body !== undefined && { 'content-type': isForm ? FORM : 'application/json' }),
                ...headers,
            },
            ...(body !== undefined && { body: isForm ? body.toString() : JSON.stringify(body) }),
        });
        for (const line of response.headers.getSetCookie()) {
            this.keep(line);
        }
        return response;
    }

    /** Asks for a path and reads the answer's JSON. */
    public async json<T = Record<string, unknown>>(path: string, visit?: Visit): Promise<T> {
        const response = await this.visit(path, visit);
        return (await response.json()) as T;
    }

    /** A second browser that has the same cookies, from now on by itself. */
    public copy(): Browser {
        const copy = new Browser(this.url);
        for (const [name, value] of this.cookies) {
            copy.cookies.set(name, value);
        }
        return copy;
    }

    protected send(url: URL, init: RequestInit): Promise<Response> {
        return fetch(url, init);
    }

    private keep(line: string): void {
        this.received.push(line);
        const [pair = '', ...attributes] = line.split(';');
        const [name = '', value = ''] = pair.split('=');
        const expires = attributes.find((attribute) => /^\s*expires=/i.test(attribute))?.split('=')[1];
        if (expires !== undefined && Date.parse(expires) < Date.now()) {
            this.cookies.delete(name.trim());
        } else {
            this.cookies.set(name.trim(), value);
        }
    }
}
