import type { Request, Response } from 'express';
import { applicationOf } from '../Http/applicationOf.js';
import { LiveReload } from '../Http/Pages/LiveReload.js';
import { sendPage } from '../Http/Pages/sendPage.js';
import { increment } from '../Session/increment.js';
import { sessionOf } from '../Session/Request/requestSessions.js';
import { factsOf } from './facts.js';
import { WELCOME_STYLE } from './style.js';
import { titleOf, welcomeBody } from './welcomeBody.js';

/**
 * Answers with the page that a fresh copy greets its developer with. With sessions on it counts the visits of each
 * browser, in `request.session.visits`. Where it is not a developer who looks, it says only that the application runs.
 */
export function welcome(request: Request, response: Response): void {
    const { container } = applicationOf(request);
    const facts = factsOf(request);
    const visits = facts.details && isVisit(request) && sessionOf(request) ? increment(request, 'visits') : undefined;
    if (facts.details) {
        response.set('Cache-Control', 'no-store');
    }
    sendPage(response, {
        title: titleOf(facts),
        style: WELCOME_STYLE,
        body: welcomeBody(facts, visits),
        script: container.find(LiveReload)?.script,
    });
}

/** Whether somebody looks at the page: browsers also fetch what might be looked at, and ask for the headers alone. */
function isVisit(request: Request): boolean {
    const purpose = `${request.get('sec-purpose') ?? ''} ${request.get('purpose') ?? ''}`;
    const destination = request.get('sec-fetch-dest') ?? 'document';
    return request.method === 'GET' && destination === 'document' && !/prefetch|prerender|preview/i.test(purpose);
}
