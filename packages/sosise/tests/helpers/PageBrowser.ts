import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { Browser } from './Browser.js';

/** What browsers say of a request, by what it is for. */
const PURPOSES = {
    page: { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html,*/*;q=0.8' },
    fetch: { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', accept: '*/*' },
    image: { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image', accept: 'image/*' },
    frame: { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe', accept: 'text/html' },
    prefetch: { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-purpose': 'prefetch;prerender' },
    'prefetch of an old browser': { purpose: 'prefetch' },
    'unknown purpose': {},
} as const satisfies Record<string, Record<string, string>>;

export type Purpose = keyof typeof PURPOSES;

/**
 * A `Browser` that says what its requests are for. Node's own fetch can't: all that it sends has `Sec-Fetch-Mode: cors`.
 */
export class PageBrowser extends Browser {
    /** That of the application. */
    public get origin(): string {
        return new URL(this.url).origin;
    }

    /** Asks for a path and gives the answer as text. Redirects are not followed. */
    public async get(path: string, purpose: Purpose = 'page'): Promise<string> {
        return (await this.ask(path, purpose)).text();
    }

    public ask(path: string, purpose: Purpose = 'page', headers: Record<string, string> = {}): Promise<Response> {
        return this.visit(path, { headers: { ...PURPOSES[purpose], ...headers } });
    }

    /** Posts a form, as a page of this application does: `referer` is that page's path. */
    public submit(
        path: string,
        fields: Record<string, string> | [string, string][],
        referer?: string,
        headers: Record<string, string> = {},
    ): Promise<Response> {
        return this.visit(path, {
            method: 'POST',
            body: new URLSearchParams(fields),
            headers: {
                ...PURPOSES.page,
                'sec-fetch-site': 'same-origin',
                ...(referer !== undefined && { referer: new URL(referer, this.url).href }),
                ...headers,
            },
        });
    }

    protected override async send(url: URL, { method = 'GET', headers, body }: RequestInit): Promise<Response> {
        const sent = request(url, { method, headers: headers as Record<string, string> });
        sent.end(body ?? undefined);
        const [message] = (await once(sent, 'response')) as [IncomingMessage];
        const pairs = Object.entries(message.headersDistinct).flatMap(([name, values = []]) =>
            values.map((value): [string, string] => [name, value]),
        );
        const content = await text(message);
        return new Response(content === '' ? null : content, { status: message.statusCode ?? 0, headers: pairs });
    }
}
