import type { Request } from 'express';
import type { FlashData, SessionData } from 'express-session';
import { ERRORS } from '../Session/Forms/flashedForm.js';
import { login } from '../Session/login.js';
import { FLASH, type LiveRecord } from '../Session/Record/SessionRecord.js';
import { CookieJar, isTrustworthy, type Setting } from './CookieJar.js';
import { exchange, type Received } from './exchange.js';
import type { InsideRequests } from './InsideRequests.js';
import type { StoredSessions } from './StoredSessions.js';
import { pathOf, TestAnswer } from './TestAnswer.js';

/** The keys of a session, as `src/types/session.d.ts` has them. */
export type SessionKeys = { [Key in keyof SessionData as Key extends 'cookie' ? never : Key]?: SessionData[Key] };

/** What a request carries besides its path. */
export interface RequestOptions {
    /** Sent as JSON. */
    json?: unknown;
    /** Sent as a form, url-encoded. */
    form?: Record<string, string | number | boolean>;
    /** Sent as it is; name its type in the headers. */
    body?: string | Buffer;
    headers?: Record<string, string>;
    /** Whether redirects to pages of the application are followed; default: true. */
    follow?: boolean;
}

export interface ClientOptions {
    /**
     * The address that the visitor has in mind: `https://shop.example`. Requests arrive as from a proxy that serves it;
     * with https, set `trustProxy` in the overrides of `http`. Default: the server's own address.
     */
    url?: string;
    /** Sent with every request. */
    headers?: Record<string, string>;
}

/** Where a client's requests go. */
export interface Target {
    readonly port: number;
    readonly inside: InsideRequests;
    readonly sessions: StoredSessions;
}

const MOST_REDIRECTS = 20;
const BROWSER = 'Mozilla/5.0 (test client)';

/** What is to happen before the next request: once, in its order, and done before any request goes on. */
class Preparation {
    private steps: (() => Promise<void>)[] = [];
    private under: Promise<unknown> = Promise.resolve();

    public add(step: () => Promise<void>): void {
        this.steps.push(step);
    }

    /** A step that fails fails the request that asked for it; what came after it is left out. */
    public done(): Promise<unknown> {
        const steps = this.steps.splice(0);
        if (steps.length === 0) {
            return this.under;
        }
        const taken = this.under.then(async () => {
            for (const step of steps) {
                await step();
            }
        });
        this.under = taken.catch(() => undefined);
        return taken;
    }
}

/**
 * One visitor with a browser: keeps cookies, follows redirects, and says where its requests come from as browsers do.
 * `visit` and `submit` open pages; `get`, `post`, `put`, `patch` and `delete` are what a page's script sends by `fetch()`.
 */
export class TestClient {
    private readonly base: URL;
    /** What the browser shows, and names in Referer. */
    private page: URL | undefined;

    public constructor(
        private readonly target: Target,
        private readonly options: ClientOptions = {},
        public readonly cookies = new CookieJar(),
        private readonly preparation = new Preparation(),
        /** Another site, whose pages send the requests. */
        private readonly from?: string,
    ) {
        this.base = new URL(options.url ?? `http://127.0.0.1:${target.port}`);
    }

    /** Opens a page, as by its address. */
    public visit(path: string, options: RequestOptions = {}): Promise<TestAnswer> {
        return this.send('GET', path, options, true);
    }

    /** Sends a form of the page that was visited last; it need not have been, but then no form finds its way back there. */
    public submit(path: string, form: RequestOptions['form'] = {}, options: RequestOptions = {}): Promise<TestAnswer> {
        return this.send('POST', path, { form, ...options }, true);
    }

    public get(path: string, options: RequestOptions = {}): Promise<TestAnswer> {
        return this.send('GET', path, options);
    }

    public post(path: string, options: RequestOptions = {}): Promise<TestAnswer> {
        return this.send('POST', path, options);
    }

    public put(path: string, options: RequestOptions = {}): Promise<TestAnswer> {
        return this.send('PUT', path, options);
    }

    public patch(path: string, options: RequestOptions = {}): Promise<TestAnswer> {
        return this.send('PATCH', path, options);
    }

    public delete(path: string, options: RequestOptions = {}): Promise<TestAnswer> {
        return this.send('DELETE', path, options);
    }

    /** Puts data into this visitor's session before the next request: a real one, begun where there is none. */
    public withSession(data: SessionKeys): this {
        return this.prepare(async () => {
            await this.runInside((request) => void Object.assign(request.session, data));
            if (Object.values(data).some((value) => value !== undefined) && !(await this.peek())) {
                throw new Error(
                    'The client refused the session cookie, as a browser would: its domain (src/config/session.ts) is not that of the client. Give the client an address there: app.client({ url }).',
                );
            }
        });
    }

    /** Logs this visitor in before the next request, as `login(request, userId)` does. */
    public actingAs(userId: string | number): this {
        return this.prepare(() => this.runInside((request) => login(request, userId)));
    }

    /** What is stored now of this visitor's session; undefined where there is none. It does not count as a visit. */
    public async session(): Promise<SessionKeys | undefined> {
        await this.preparation.done();
        const data = (await this.peek())?.data;
        return (
            data && structuredClone(Object.fromEntries(Object.entries(data).filter(([key]) => !key.startsWith(FLASH))))
        );
    }

    /** What `flash()` has put by for this visitor's next page, which stays there. */
    public async flashed(): Promise<Partial<FlashData>> {
        await this.preparation.done();
        const data = Object.entries((await this.peek())?.data ?? {}).filter(([key]) => key.startsWith(FLASH));
        const flashed = data.map(([key, value]) => [key.slice(FLASH.length, key.lastIndexOf(':')), value]);
        return structuredClone(Object.fromEntries(flashed));
    }

    /** The user that this visitor is logged in as; undefined where nobody is. It does not count as a visit. */
    public async user(): Promise<string | undefined> {
        await this.preparation.done();
        return (await this.peek())?.login?.user;
    }

    /**
     * Runs code inside a request of this visitor, where everything works that a controller may do: what it changes in the
     * session is stored. `await client.inRequest((request) => csrfToken(request))`
     */
    public async inRequest<T>(work: (request: Request) => T | Promise<T>): Promise<T> {
        await this.preparation.done();
        return this.runInside(work);
    }

    /** The same browser while it shows a page of another site, which makes it send requests here. */
    public crossSite(origin = 'https://other-site.example'): TestClient {
        return new TestClient(this.target, this.options, this.cookies, this.preparation, origin);
    }

    /** Another browser that has got hold of the same cookies. */
    public async copy(): Promise<TestClient> {
        await this.preparation.done();
        return new TestClient(this.target, this.options, this.cookies.copy());
    }

    /** Closes the browser and opens it again: cookies without an end are gone. */
    public async reopen(): Promise<void> {
        await this.preparation.done();
        this.page = undefined;
        this.cookies.endBrowserSession();
    }

    private prepare(step: () => Promise<void>): this {
        this.preparation.add(async () => {
            if (this.base.protocol === 'http:' && this.target.sessions.needHttps) {
                throw new Error(
                    "Session cookies are for https only here, and this client comes over http: give createTestApp { session: { cookie: { secure: false } } }; or { http: { trustProxy: 1 } }, and app.client({ url: 'https://localhost' }).",
                );
            }
            await step();
        });
        return this;
    }

    private async peek(): Promise<LiveRecord | undefined> {
        const { sessions } = this.target;
        return sessions.find(this.cookies.header(new URL(sessions.path, this.base)));
    }

    private runInside<T>(work: (request: Request) => T | Promise<T>): Promise<T> {
        const { inside, sessions } = this.target;
        const url = new URL(sessions.path, this.base);
        return inside.run(work, (headers) => this.exchange(url, { method: 'GET', headers }, false));
    }

    private async send(
        method: string,
        path: string,
        options: RequestOptions,
        isNavigation = false,
    ): Promise<TestAnswer> {
        await this.preparation.done();
        let next: Step = { method, ...contentOf(options) };
        let url = new URL(path, this.base);
        const redirects: string[] = [];
        let refused: ReturnType<typeof messagesIn>;
        for (;;) {
            const received = await this.exchange(url, next, isNavigation);
            refused ??= received.status === 303 ? await this.refusal() : undefined;
            const to = options.follow === false ? undefined : redirectIn(received, url);
            if (to?.origin !== this.base.origin) {
                this.show(isNavigation && !redirectIn(received, url) ? url : this.page);
                return new TestAnswer(received, url, redirects, refused);
            }
            if (redirects.push(pathOf(to, this.base)) > MOST_REDIRECTS) {
                throw new Error(`${path} redirects without an end: ${redirects.slice(-3).join(', ')}, …`);
            }
            url = to;
            next = afterRedirect(received.status, next);
        }
    }

    private show(page: URL | undefined): void {
        this.page = this.from === undefined ? page : undefined;
    }

    /** The messages of a form that is being sent back: they have to be looked at before its page takes them. */
    private async refusal(): Promise<ReturnType<typeof messagesIn>> {
        return this.target.sessions.areOn ? messagesIn((await this.peek())?.data) : undefined;
    }

    private async exchange(url: URL, { method, headers, body }: Step, isNavigation: boolean): Promise<Received> {
        const setting: Setting = { isCrossSite: this.from !== undefined, isNavigation, method };
        const cookie = this.cookies.header(url, setting);
        const received = await exchange(this.target.port, {
            method,
            path: `${url.pathname}${url.search}`,
            headers: {
                host: url.host,
                ...(url.protocol === 'https:' && { 'x-forwarded-proto': 'https' }),
                'user-agent': BROWSER,
                ...this.provenance(url, setting),
                ...this.referer(setting),
                ...(cookie !== undefined && { cookie }),
                ...lowerCased(this.options.headers),
                ...headers,
            },
            body,
        });
        for (const line of received.headers.getSetCookie()) {
            this.cookies.keep(line, url, setting);
        }
        return received;
    }

    /** What a browser says of where a request comes from; the metadata only where nobody can listen. */
    private provenance(url: URL, { isNavigation, method }: Setting): Record<string, string> {
        const reads = method === 'GET' || method === 'HEAD';
        const address = isNavigation && reads ? 'none' : 'same-origin';
        return {
            accept: isNavigation ? 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' : '*/*',
            ...((!reads || (this.from !== undefined && !isNavigation)) && { origin: this.from ?? this.base.origin }),
            ...(isTrustworthy(url) && {
                'sec-fetch-site': this.from === undefined ? address : 'cross-site',
                'sec-fetch-mode': isNavigation ? 'navigate' : 'cors',
                'sec-fetch-dest': isNavigation ? 'document' : 'empty',
                ...(isNavigation && { 'sec-fetch-user': '?1' }),
            }),
        };
    }

    /** An address that is typed has none; another site's page names its origin. */
    private referer({ isNavigation, method }: Setting): Record<string, string> {
        const page = this.from === undefined ? this.page?.href.replace(/#.*/, '') : `${this.from}/`;
        const isTyped = this.from === undefined && isNavigation && method === 'GET';
        return page === undefined || isTyped ? {} : { referer: page };
    }
}

/** What ValidationException flashes. */
function messagesIn(data: object = {}): Record<string, string[]> | undefined {
    return Object.entries(data).find(([key]) => key.startsWith(`${FLASH}${ERRORS}:`))?.[1];
}

/** One request of a chain of redirects. */
interface Step {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string | Buffer | undefined;
}

function contentOf({ json, form, body, headers }: RequestOptions): Omit<Step, 'method'> {
    const own = lowerCased(headers);
    if (json !== undefined) {
        return { body: JSON.stringify(json), headers: { 'content-type': 'application/json', ...own } };
    }
    if (form !== undefined) {
        const fields = new URLSearchParams();
        for (const [name, value] of Object.entries(form)) {
            fields.append(name, String(value));
        }
        return { body: fields.toString(), headers: { 'content-type': 'application/x-www-form-urlencoded', ...own } };
    }
    return { body, headers: own };
}

function redirectIn({ status, headers }: Received, from: URL): URL | undefined {
    const location = headers.get('location');
    return location !== null && [301, 302, 303, 307, 308].includes(status) ? new URL(location, from) : undefined;
}

/** After a 303 a page is read; after 301 and 302 too, where something was posted. */
function afterRedirect(status: number, step: Step): Step {
    const reads = status === 303 ? step.method !== 'HEAD' : step.method === 'POST' && status <= 302;
    if (!reads) {
        return step;
    }
    const { 'content-type': _type, ...headers } = step.headers;
    return { method: 'GET', headers };
}

function lowerCased(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
    return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
