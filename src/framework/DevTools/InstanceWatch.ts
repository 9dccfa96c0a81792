import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import { LiveReload } from '../Http/pages/LiveReload.js';

const PATH = '/__sosise/instance';

/** Tells pages which run of the application answers, so that they load again after a restart. */
export class InstanceWatch extends LiveReload {
    private readonly id = randomUUID();

    public readonly script = `
(()=>{const state=document.getElementById('state'),said=state&&state.textContent;
const look=async()=>{let id;
try{id=await(await fetch('${PATH}',{cache:'no-store'})).text()}catch{}
if(id&&id!=='${this.id}'){location.reload();return}
if(state){const now=id?said:'No answer: what does the terminal say?';if(state.textContent!==now)state.textContent=now}
document.documentElement.classList.toggle('down',!id);setTimeout(look,id?400:200)};
setTimeout(look,400)})()`.replaceAll('\n', '');

    public readonly instance = (request: Request, response: Response, next: NextFunction): void => {
        if (request.path !== PATH || request.method !== 'GET') {
            next();
            return;
        }
        response.set('Cache-Control', 'no-store').type('text').send(this.id);
    };
}
