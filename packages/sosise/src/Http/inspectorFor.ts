import type { Request } from 'express';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { DevelopmentPages } from './DevelopmentPages.js';

/** Where who sent a request finds the session inspector; undefined where there is none for them. */
export function inspectorFor(request: Request, { container }: ApplicationKernel): string | undefined {
    return container.find(DevelopmentPages)?.addressFor(request);
}
