import type { Request } from 'express';
import { type RefusedForm, ValidationException } from '../Exceptions/ValidationException.js';
import { checkBack } from '../Support/ownPath.js';
import {
    type InferOutput,
    isStandardSchema,
    type StandardIssue,
    type StandardSchema,
} from '../Support/StandardSchema.js';

export interface ValidateOptions extends RefusedForm {
    /** What is validated. Default: the body. */
    source?: 'body' | 'query' | 'params';
}

/**
 * Gives what a schema of any Standard Schema library (zod, valibot, arktype, …) makes of a request. What it refuses becomes
 * a ValidationException: 422 with the messages by field, or, for a browser's form, the way back to it.
 */
export async function validate<Schema extends StandardSchema>(
    request: Request,
    schema: Schema,
    { source = 'body', ...form }: ValidateOptions = {},
): Promise<InferOutput<Schema>> {
    if (!isStandardSchema(schema)) {
        throw new TypeError('validate(request, schema) needs a schema of a Standard Schema library, such as zod.');
    }
    checkBack(form.back);
    // A request without a body lacks every field: so the messages say which.
    const result = await schema['~standard'].validate(request[source] ?? {});
    if (result.issues) {
        throw new ValidationException(messagesOf(result.issues), form);
    }
    return result.value as InferOutput<Schema>;
}

/** The messages by path, `items.0.amount`; of the whole under ''. */
function messagesOf(issues: readonly StandardIssue[]): Record<string, string[]> {
    const messages = new Map<string, string[]>();
    for (const { path = [], message } of issues) {
        const field = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
        const known = messages.get(field);
        if (known) {
            known.push(message);
        } else {
            messages.set(field, [message]);
        }
    }
    return Object.fromEntries(messages);
}
