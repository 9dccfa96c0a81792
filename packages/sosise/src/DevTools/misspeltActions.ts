import { actionOf } from '../Http/action.js';
import type { HttpPipeline } from '../Http/HttpPipeline.js';
import { handlersIn } from '../Http/routesOf.js';
import { nearest } from '../Support/nearest.js';

/**
 * Sentences about routes that call a method which their controller does not have. The compiler says it too, but
 * development runs what does not compile. Nothing is said of a name that stands anywhere in the class: it may be a field.
 */
export function misspeltActions(pipeline: HttpPipeline): string[] {
    const actions = pipeline
        .list()
        .flatMap(({ handlers }) => handlers.flatMap(handlersIn).flatMap((h) => actionOf(h) ?? []));
    const said = actions
        .filter(({ Class, method }) => !(method in Class.prototype) && !textOf(Class).includes(method))
        .map(({ Class, method }) => {
            const near = nearest(method, Object.getOwnPropertyNames(Class.prototype));
            return `${Class.name} has no method ${method}, which a route calls.${near ? ` Did you mean ${near}?` : ''}`;
        });
    return [...new Set(said)];
}

/** The source of a class and of those it extends, with what they assign to `this`. */
function textOf(Class: object | null): string {
    return typeof Class === 'function' ? `${Class}${textOf(Object.getPrototypeOf(Class))}` : '';
}
