import type { Request } from 'express';
import { ERRORS, INPUT } from './Forms/flashedForm.js';
import { flashedIn } from './flash.js';
import { required } from './login.js';

/** The messages, by field, of the refused form that brought the visitor back to this page. */
export function validationErrors(request: Request): Record<string, string[]> {
    return (flashedIn(required(request, 'validationErrors'), ERRORS) ?? {}) as Record<string, string[]>;
}

/**
 * What was typed into a field of that form; a list where the form had several fields of that name. Undefined for secrets
 * (see `isSecretField`), for files, for what was too long, and where no form was refused.
 */
export function oldInput(request: Request, field: string): string | string[] | undefined {
    const input = (flashedIn(required(request, 'oldInput'), INPUT) ?? {}) as Record<string, string | string[]>;
    return Object.hasOwn(input, field) ? input[field] : undefined;
}
