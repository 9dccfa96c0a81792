import type { Request, RequestHandler, Response } from 'express';
import { Exception } from '../../Exceptions/Exception.js';
import { ConfigError } from '../../Exceptions/errors.js';
import type { StoredSessions } from '../../Session/Admin/StoredSessions.js';
import { isReservedKey } from '../../Session/Record/SessionRecord.js';
import { ReservedSessionKeyError, UnstorableSessionError } from '../../Session/Repository/SessionErrors.js';
import { willPersist } from '../../Session/Request/reachability.js';
import { sessionOf } from '../../Session/Request/requestSessions.js';
import type { SessionServices } from '../../Session/Request/SessionServices.js';
import { startSession } from '../../Session/Request/startSession.js';
import { INSPECTOR_USE } from './StoreUse.js';

/** Does what a button says, and gives the sentence to show. */
type Action = (request: Request, input: Readonly<Record<string, unknown>>) => Promise<string>;

const FINGERPRINT = /^[\w-]{10}$/;
const LONGEST_KEY = 200;

/**
 * What the buttons do. They work on the session as a route would, in the application's own session stage: by key, so that
 * nothing is lost that a request changes meanwhile, and with the cookie that the browser then needs.
 */
export class SessionActions {
    private readonly startSession: RequestHandler;
    private readonly actions: Readonly<Record<string, Action>> = {
        set: async (request, input) => {
            const key = keyIn(input);
            contentOf(request)[key] = valueIn(input);
            return store(request, `${key} is stored.`);
        },
        delete: async (request, input) => {
            const key = keyIn(input);
            delete contentOf(request)[key];
            return store(request, `${key} is deleted.`);
        },
        regenerate: async (request) => {
            await request.session.regenerate();
            return 'A new, empty session, and this browser has its cookie.';
        },
        destroy: async (request) => {
            await request.session.destroy();
            return 'The session is destroyed, and its cookie taken away.';
        },
    };

    public constructor(
        services: SessionServices,
        private readonly stored: StoredSessions,
    ) {
        this.startSession = startSession(services).session;
    }

    /** Rejects with what is to be answered otherwise. False: there is no such button. */
    public async run(name: string, request: Request, response: Response): Promise<boolean> {
        const input: unknown = request.body;
        if (typeof input !== 'object' || input === null) {
            throw refused('A JSON object was expected.');
        }
        const fields = input as Record<string, unknown>;
        const action = Object.hasOwn(this.actions, name) ? this.actions[name] : undefined;
        if (name !== 'revoke' && !action) {
            return false;
        }
        await INSPECTOR_USE.run(async () => {
            try {
                const message = action
                    ? await this.inSession(action, request, response, fields)
                    : await this.revoke(fields);
                response.json({ message });
            } catch (error) {
                throw explained(error);
            }
        });
        return true;
    }

    private async inSession(action: Action, request: Request, response: Response, input: Record<string, unknown>) {
        await new Promise<void>((resolve, reject) => {
            this.startSession(request, response, (error?: unknown) => (error ? reject(error) : resolve()));
        });
        return action(request, input);
    }

    private async revoke({ fingerprint }: Record<string, unknown>): Promise<string> {
        if (typeof fingerprint !== 'string' || !FINGERPRINT.test(fingerprint)) {
            throw refused('The fingerprint of a session was expected.');
        }
        await this.stored.revoke(fingerprint);
        return `The session ${fingerprint} is revoked.`;
    }
}

async function store(request: Request, message: string): Promise<string> {
    await request.session.save();
    const session = sessionOf(request);
    if (!session || !willPersist(session)) {
        throw new Exception('Nothing was stored: the session has ended, or its cookie would not reach this browser.', {
            status: 409,
        });
    }
    return message;
}

function keyIn({ key }: Readonly<Record<string, unknown>>): string {
    if (typeof key !== 'string' || key === '' || key.length > LONGEST_KEY) {
        throw refused(`A key is a text of 1 to ${LONGEST_KEY} characters.`);
    }
    if (isReservedKey(key)) {
        throw refused(`${key} is used by the session itself.`);
    }
    return key;
}

function valueIn({ value }: Readonly<Record<string, unknown>>): unknown {
    try {
        return JSON.parse(String(value));
    } catch (error) {
        // Of the reason without what was typed.
        throw refused(`The value is not JSON: texts stand in double quotes.${positionIn(error)}`);
    }
}

function positionIn(error: unknown): string {
    const [, position] = /at position (\d+)/.exec((error as Error).message) ?? [];
    return position === undefined ? '' : ` Look at character ${Number(position) + 1}.`;
}

function refused(message: string): Exception {
    return new Exception(message, { status: 422 });
}

function explained(error: unknown): unknown {
    if (error instanceof ConfigError) {
        return new Exception('That session is not there any more.', { status: 404, cause: error });
    }
    return error instanceof UnstorableSessionError || error instanceof ReservedSessionKeyError
        ? refused(error.message)
        : error;
}

/** Whatever keys the application has named. */
function contentOf(request: Request): Record<string, unknown> {
    return request.session as unknown as Record<string, unknown>;
}
