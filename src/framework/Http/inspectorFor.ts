import type { Request } from 'express';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { SessionObserver } from '../Session/Request/SessionObserver.js';

/** Where who sent a request finds the session inspector; undefined where there is none for them. */
export function inspectorFor(request: Request, { container }: ApplicationKernel): string | undefined {
    return container.has(SessionObserver) ? container.make(SessionObserver).addressFor(request) : undefined;
}
