import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LiveReload } from '../Http/pages/LiveReload.js';

const PATH = '/__sosise/instance';

/**
 * Tells pages which run of the application answers, so that they load again after a restart. They listen to a stream: it
 * breaks as the server stops. Pages out of sight do not, as browsers open six connections to a server, and no more.
 */
export class InstanceWatch extends LiveReload {
    private readonly id = randomUUID();

    public readonly script = `
(()=>{const state=document.getElementById('state'),said=state&&state.textContent;let events,timer,failures=0;
const show=(up)=>{const now=up?said:'No answer: what does the terminal say?';
if(state&&state.textContent!==now)state.textContent=now;
document.documentElement.classList.toggle('down',!up)};
const listen=()=>{clearTimeout(timer);events?.close();if(document.hidden)return;
events=new EventSource('${PATH}');
events.onmessage=({data})=>{failures=0;if(data==='${this.id}')show(true);else{events.close();location.reload()}};
events.onerror=()=>{events.close();failures+=1;if(failures===20)show(false);
timer=setTimeout(listen,failures<40?50:500)}};
document.addEventListener('visibilitychange',listen);listen()})()`.replaceAll('\n', '');

    public readonly instance = (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
        if (request.url?.split('?')[0] !== PATH || request.method !== 'GET') {
            next();
            return;
        }
        response.setHeader('Cache-Control', 'no-store').setHeader('Content-Type', 'text/event-stream; charset=utf-8');
        response.write(`data: ${this.id}\n\n`);
    };
}
