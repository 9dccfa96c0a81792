import type { Request, Response } from 'express';
import { ErrorPage } from '../../Http/Errors/ErrorPage.js';
import type { HttpConfig } from '../../Http/HttpConfig.js';
import { inspectorFor } from '../../Http/inspectorFor.js';
import { LiveReload } from '../../Http/Pages/LiveReload.js';
import { sendPage } from '../../Http/Pages/sendPage.js';
import { viewsFolder } from '../../Http/viewsConfig.js';
import type { ApplicationKernel } from '../../Kernel/ApplicationKernel.js';
import { errorBody, headingOf } from './errorBody.js';
import { type Failure, failuresOf } from './failures.js';
import { type Fix, fixFor } from './fixes.js';
import { hideSecrets } from './hideSecrets.js';
import { factsOf } from './requestFacts.js';
import { ERROR_STYLE } from './style.js';

/** Shows where an error came from, in the code of the one who reads it, and what mends it. */
export class DevelopmentErrorPage extends ErrorPage {
    public constructor(private readonly app: ApplicationKernel) {
        super();
    }

    public send(error: Error, request: Request, response: Response): void {
        const failures = this.failuresOf(error);
        const body = errorBody({
            failures,
            fix: this.fix(failures),
            facts: factsOf(request),
            status: response.statusCode,
            method: request.method,
            path: (request.originalUrl ?? request.url).replace(/[?#].*/s, ''),
            requestId: request.requestId,
            inspector: inspectorFor(request, this.app),
        });
        // After a GET alone: a form would be sent once more.
        const reload = request.method === 'GET' ? this.app.container.find(LiveReload) : undefined;
        response.set('Cache-Control', 'no-store');
        sendPage(response, {
            title: headingOf(failures[0]),
            style: ERROR_STYLE,
            body,
            script: reload?.script,
        });
    }

    public fixOf(error: Error): string | undefined {
        const fix = this.fix(this.failuresOf(error));
        const where = fix?.file === undefined ? '' : ` in ${fix.file}`;
        return fix && hideSecrets(fix.code === undefined ? fix.say : `${fix.say} ${fix.code}${where}`);
    }

    private failuresOf(error: Error): Failure[] {
        const { root } = this.app.environment;
        const views = this.app.config.find<Partial<HttpConfig>>('http')?.views;
        return failuresOf(error, root, views ? viewsFolder(root, views) : undefined);
    }

    private fix(failures: readonly Failure[]): Fix | undefined {
        const session = this.app.config.find<{ enabled?: boolean }>('session');
        return fixFor(failures, session?.enabled ?? false);
    }
}
