import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LiveReload } from '../Http/Pages/LiveReload.js';

const PATH = '/__sosise/instance';
/** For the application's own pages: `<script src="/__sosise/reload.js" defer></script>`. */
const SCRIPT_PATH = '/__sosise/reload.js';

/**
 * Tells pages which run of the application answers, so that they load again after a restart. They listen to a stream: it
 * breaks as the server stops. Pages out of sight do not, as browsers open six connections to a server, and no more.
 */
export class InstanceWatch extends LiveReload {
    private id = randomUUID();
    private readonly streams = new Set<ServerResponse>();

    public get script(): string {
        return scriptFor(this.id, SHOW);
    }

    /** Lets all pages load again: those in sight now, the others once they are. */
    public reload(): void {
        this.id = randomUUID();
        for (const stream of this.streams) {
            stream.write(`data: ${this.id}\n\n`);
        }
    }

    public readonly instance = (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
        const path = request.method === 'GET' ? request.url?.split('?')[0] : undefined;
        if (path === PATH) {
            this.streams.add(response);
            response.on('close', () => this.streams.delete(response));
            head(response, 'text/event-stream').write(`data: ${this.id}\n\n`);
        } else if (path === SCRIPT_PATH) {
            head(response, 'text/javascript').end(scriptFor(this.id, 'const show=()=>{};'));
        } else {
            next();
        }
    };
}

function head(response: ServerResponse, type: string): ServerResponse {
    return response
        .setHeader('Cache-Control', 'no-store')
        .setHeader('Content-Type', `${type}; charset=utf-8`)
        .setHeader('X-Content-Type-Options', 'nosniff');
}

/** The framework's own pages say it where there is no answer. */
const SHOW = `
const state=document.getElementById('state'),said=state&&state.textContent;
const show=(up)=>{const now=up?said:'No answer: what does the terminal say?';
if(state&&state.textContent!==now)state.textContent=now;
document.documentElement.classList.toggle('down',!up)};`;

function scriptFor(id: string, show: string): string {
    return `
(()=>{let events,timer,failures=0;${show}
const listen=()=>{clearTimeout(timer);events?.close();if(document.hidden)return;
events=new EventSource('${PATH}');
events.onmessage=({data})=>{failures=0;if(data==='${id}')show(true);else{events.close();location.reload()}};
events.onerror=()=>{events.close();failures+=1;if(failures===20)show(false);
timer=setTimeout(listen,failures<40?50:500)}};
document.addEventListener('visibilitychange',listen);listen()})()`.replaceAll('\n', '');
}
