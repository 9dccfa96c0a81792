import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import type { Html } from '../../Http/Pages/html.js';
import { sendPage } from '../../Http/Pages/sendPage.js';
import type { StoredSessions } from '../../Session/Admin/StoredSessions.js';
import type { SessionServices } from '../../Session/Request/SessionServices.js';
import { type OwnSession, ownSession } from './OwnSession.js';
import { figuresView } from './Page/figuresView.js';
import { inspectorBody } from './Page/inspectorBody.js';
import { requestView } from './Page/requestView.js';
import { INSPECTOR_SCRIPT } from './Page/script.js';
import { sessionView } from './Page/sessionView.js';
import { storedView } from './Page/storedView.js';
import { INSPECTOR_STYLE } from './Page/style.js';
import type { RequestLog } from './RequestLog.js';
import type { StoreUse } from './StoreUse.js';
import { isMasked, labelOf } from './shownValues.js';
import { storedList } from './storedList.js';

export interface OpenSessions {
    readonly services: SessionServices;
    readonly stored: StoredSessions;
}

/** What the inspector shows: the page as a whole, and what changes in it as HTML in JSON. */
export class InspectorParts {
    private readonly run = randomUUID();

    /** @param sessions Undefined where they are off. */
    public constructor(
        private readonly log: RequestLog,
        private readonly total: StoreUse,
        private readonly sessions: () => OpenSessions | undefined,
    ) {}

    public async page(request: Request, response: Response): Promise<void> {
        const own = await this.own(request);
        const body = inspectorBody({
            run: this.run,
            last: this.last,
            own: fingerprintIn(own),
            session: sessionView(own),
            figures: own && figuresView(this.total, this.log),
            stored: own && (await this.stored(own)),
            rows: this.log.requests.map(requestView).reverse(),
        });
        sendPage(response, { title: 'Session inspector', style: INSPECTOR_STYLE, body, script: INSPECTOR_SCRIPT });
    }

    /** What changed since the page asked last. After a restart, nothing counts that it has. */
    public async state(request: Request, response: Response): Promise<void> {
        const { run, last, stored } = request.query;
        const own = await this.own(request);
        const rows = this.log.after(run === this.run ? Number(last) : 0);
        response.json({
            run: this.run,
            last: this.last,
            own: fingerprintIn(own),
            session: sessionView(own).text,
            figures: own && figuresView(this.total, this.log).text,
            stored: own && (stored || rows.some(changesList)) ? (await this.stored(own)).text : undefined,
            rows: rows.map((row) => requestView(row).text),
        });
    }

    /** A key's value as JSON, for the form that changes it. */
    public async value(request: Request, response: Response): Promise<void> {
        const key = String(request.query['key']);
        const own = await this.own(request);
        const value = own?.kind === 'live' && Object.hasOwn(own.data, key) ? own.data[key] : undefined;
        const masked = isMasked(labelOf(key), value);
        response.json({ masked, value: masked ? '' : (JSON.stringify(value, null, 2) ?? '') });
    }

    private get last(): number {
        return this.log.requests.at(-1)?.number ?? 0;
    }

    private async own(request: Request): Promise<OwnSession | undefined> {
        const sessions = this.sessions();
        return sessions && ownSession(sessions.services, request);
    }

    private async stored(own: OwnSession): Promise<Html> {
        const sessions = this.sessions();
        return storedView(sessions && (await storedList(sessions.stored)), fingerprintIn(own));
    }
}

/** Whether there are more sessions after a request than before it, or less. */
function changesList({ from, to }: RequestLog['requests'][number]): boolean {
    return from !== to;
}

function fingerprintIn(own: OwnSession | undefined): string {
    return own?.kind === 'live' ? own.fingerprint : '';
}
