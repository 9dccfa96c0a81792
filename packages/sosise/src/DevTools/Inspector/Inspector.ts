import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { BadRequestException } from '../../Exceptions/BadRequestException.js';
import { ForbiddenException } from '../../Exceptions/ForbiddenException.js';
import { NotFoundException } from '../../Exceptions/NotFoundException.js';
import { ServiceUnavailableException } from '../../Exceptions/ServiceUnavailableException.js';
import type { DevelopmentPages } from '../../Http/DevelopmentPages.js';
import { ExceptionHandler } from '../../Http/Errors/ExceptionHandler.js';
import { isLocal } from '../../Http/isLocal.js';
import type { ApplicationKernel } from '../../Kernel/ApplicationKernel.js';
import { StoredSessions } from '../../Session/Admin/StoredSessions.js';
import { SessionServices } from '../../Session/Request/SessionServices.js';
import { EventStreams } from './EventStreams.js';
import { isOwnAction, mayRead } from './guard.js';
import type { InspectorParts, OpenSessions } from './InspectorParts.js';
import { RequestLog } from './RequestLog.js';
import type { SessionActions } from './SessionActions.js';
import { StoreUse } from './StoreUse.js';
import { TracingObserver } from './TracingObserver.js';

const PATH = '/__sosise/sessions';
/** The largest session there may be, as a value in JSON. */
const BODY_LIMIT = '5mb';

/** What is below its address, besides the stream. */
const PARTS: ReadonlyMap<string, 'page' | 'state' | 'value'> = new Map([
    ['', 'page'],
    ['state', 'state'],
    ['value', 'value'],
]);

/**
 * A page that shows what requests do with sessions, while they do it, to a browser on this machine. For everybody else
 * there is no such page.
 */
export class Inspector implements DevelopmentPages {
    private readonly total = new StoreUse();
    public readonly observer = new TracingObserver(this.total);
    private readonly streams = new EventStreams();
    private readonly log = new RequestLog(
        () => this.sessions?.services.settings.name,
        () => this.streams.tell(),
    );
    private readonly parse = express.json({ limit: BODY_LIMIT });
    private parts: InspectorParts | undefined;
    private actions: SessionActions | undefined;

    public constructor(private readonly app: ApplicationKernel) {}

    /** Undefined where sessions are off. */
    private get sessions(): OpenSessions | undefined {
        const { container } = this.app;
        return container.has(SessionServices)
            ? { services: container.make(SessionServices), stored: container.make(StoredSessions) }
            : undefined;
    }

    public addressFor(request: Request): string | undefined {
        return isLocal(request) ? PATH : undefined;
    }

    public addressAt(origin: string): string | undefined {
        return /^http:\/\/(?:localhost|127\.[\d.]+|\[::1\]):/.test(origin) ? `${origin}${PATH}` : undefined;
    }

    /** A stage right before the sessions': notes what each request does with its own. */
    public get recorder(): RequestHandler {
        return this.log.recorder;
    }

    /** A stage before all others: what the inspector asks for is in no log, and gets no session. */
    public readonly answer = (request: Request, response: Response, next: NextFunction): void => {
        const part = partOf(request.path);
        if (part === undefined || !isLocal(request)) {
            next();
            return;
        }
        response.set({
            'Cache-Control': 'no-store',
            'Cross-Origin-Resource-Policy': 'same-origin',
            'Referrer-Policy': 'no-referrer',
            'X-Content-Type-Options': 'nosniff',
        });
        this.serve(part, request, response).catch((error: unknown) =>
            this.app.container.make(ExceptionHandler).handle(error, request, response),
        );
    };

    /** Ends what would hold up a server that stops. */
    public readonly close = (): void => this.streams.end();

    private async serve(part: string, request: Request, response: Response): Promise<void> {
        if (request.method === 'POST') {
            await this.act(part, request, response);
            return;
        }
        if (request.method !== 'GET') {
            throw unknown(request);
        }
        if (part !== '' && !mayRead(request)) {
            throw new ForbiddenException('Only the page of the inspector may ask for this.');
        }
        await this.show(part, request, response);
    }

    private async show(part: string, request: Request, response: Response): Promise<void> {
        if (part === 'events') {
            this.stream(response);
            return;
        }
        const method = PARTS.get(part);
        if (!method) {
            throw unknown(request);
        }
        // Not loaded before somebody looks: the dev server starts often.
        const { InspectorParts } = await import('./InspectorParts.js');
        this.parts ??= new InspectorParts(this.log, this.total, () => this.sessions);
        await this.parts[method](request, response);
    }

    private async act(name: string, request: Request, response: Response): Promise<void> {
        if (!isOwnAction(request)) {
            throw new ForbiddenException('Only the page of the inspector may do this.');
        }
        await new Promise<void>((resolve, reject) => {
            // What the parser throws quotes the body, which may hold values of a session.
            const refused = new BadRequestException('A body was expected as the page sends it.');
            this.parse(request, response, (error?: unknown) => (error ? reject(refused) : resolve()));
        });
        const { SessionActions } = await import('./SessionActions.js');
        this.actions ??= this.sessions && new SessionActions(this.sessions.services, this.sessions.stored);
        if (!(await this.actions?.run(name, request, response))) {
            throw unknown(request);
        }
        this.streams.tell();
    }

    private stream(response: Response): void {
        if (!this.streams.add(response)) {
            throw new ServiceUnavailableException('Enough pages look at the inspector: close one.');
        }
    }
}

/** What is asked for below the inspector's address; undefined: something else. */
function partOf(path: string): string | undefined {
    return path === PATH || path.startsWith(`${PATH}/`) ? path.slice(PATH.length + 1) : undefined;
}

function unknown({ method, path }: Request): NotFoundException {
    return new NotFoundException(`There is no route for ${method} ${path}`);
}
