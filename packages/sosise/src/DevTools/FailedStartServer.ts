import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isPrivateHost } from '../Http/Errors/mayReadDetails.js';
import { html } from '../Http/Pages/html.js';
import { documentOf, headersOf, type Page } from '../Http/Pages/sendPage.js';
import { removeAbandoned } from '../Http/removeAbandoned.js';
import { http } from '../Support/http.js';
import { hideSecrets } from './ErrorPage/hideSecrets.js';
import { ERROR_STYLE } from './ErrorPage/style.js';
import { InstanceWatch } from './InstanceWatch.js';

export interface FailedStartOptions {
    /** Why the application does not run. */
    readonly text: string;
    /** Those of the application, whose secrets are not shown. */
    readonly variables: NodeJS.ProcessEnv;
    /** With port 0 the path of a socket, as HttpServer's listen() gives it. */
    readonly address: string;
    readonly port: number;
}

const MESSAGE = 'The application does not run';

/** Answers for an application that could not start, with the reason, until the next run takes the port. */
export class FailedStartServer {
    private readonly watch = new InstanceWatch();
    private readonly server: Server;
    private readonly text: string;

    private constructor({ text, variables }: FailedStartOptions) {
        this.text = hideSecrets(text, variables).trim();
        this.server = http.createServer((request, response) =>
            this.watch.instance(request, response, () => this.answer(request, response)),
        );
    }

    /** Rejects where the port is taken. */
    public static async open(options: FailedStartOptions): Promise<FailedStartServer> {
        const standIn = new FailedStartServer(options);
        const { address, port } = options;
        if (port === 0) {
            await removeAbandoned(address); // a run that was killed leaves it
        }
        standIn.server.listen(port === 0 ? { path: address } : { port, host: address });
        await once(standIn.server, 'listening');
        return standIn;
    }

    /** Resolves when the port is free. */
    public async close(): Promise<void> {
        const closed = once(this.server, 'close');
        this.server.close();
        this.server.closeAllConnections();
        await closed;
    }

    private answer({ headers }: IncomingMessage, response: ServerResponse): void {
        // A page of strangers, to which the name it came by leads here, could read the answer.
        const text = isPrivateHost(headers.host ?? 'localhost') ? this.text : 'The terminal says why.';
        const page = this.page(text);
        response.statusCode = 503;
        response.setHeader('Cache-Control', 'no-store').setHeader('Vary', 'Accept');
        if (wantsPage(headers)) {
            response.setHeaders(
                new Map(Object.entries({ ...headersOf(page), 'Content-Type': 'text/html; charset=utf-8' })),
            );
            response.end(documentOf(page));
        } else {
            response.setHeader('Content-Type', 'application/json; charset=utf-8');
            response.end(JSON.stringify({ code: 503, message: `${MESSAGE}.`, data: { error: text } }));
        }
    }

    private page(text: string): Page {
        const [heading = '', ...rest] = text.split('\n');
        const more = rest.join('\n').replace(/^\n+/, '');
        const body = html`<main>
<header><p class="where"><span class="pill">${MESSAGE}</span></p><h1>${heading}</h1></header>
${more !== '' && html`<figure><pre tabindex="0" aria-label="What else the terminal says"><code class="said">${more}</code></pre></figure>`}
<footer class="soft small"><p id="state" role="status">This page loads again as soon as the application answers. The next save starts it anew.</p></footer>
</main>`;
        const style = `${ERROR_STYLE}.said{padding:0 1.1rem}@media (max-width:36rem){.said{min-width:max-content;white-space:pre}}`;
        return { title: heading, style, body, script: this.watch.script };
    }
}

function wantsPage(headers: IncomingMessage['headers']): boolean {
    const destination = String(headers['sec-fetch-dest'] ?? 'document');
    return /^(?:document|i?frame)$/.test(destination) && /text\/html/i.test(headers.accept ?? '');
}
