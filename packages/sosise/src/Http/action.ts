import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { Exception } from '../Exceptions/Exception.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { isPlainObject } from '../Support/isPlainObject.js';
import { nearest } from '../Support/nearest.js';
import { applicationOf } from './applicationOf.js';

/** Any class whose constructor takes nothing, or the application. */
export type ControllerClass<Controller extends object> = new (app: ApplicationKernel) => Controller;

// Written as a method, so that one that takes a narrower request, such as Request<{ id: string }>, fits too.
type Action = { call(request: Request, response: Response, next: NextFunction): unknown }['call'];

/** The names of a controller's methods that can answer a request. */
export type ActionName<Controller> = {
    [Key in keyof Controller]: Controller[Key] extends Action ? Key : never;
}[keyof Controller] &
    string;

/** What a handler made by `action()` or `middleware()` calls. */
export interface ActionTarget {
    readonly controller: string;
    readonly method: string;
    readonly Class: { readonly name: string; readonly prototype: object };
}

const actions = new WeakMap<object, ActionTarget>();

/** What a handler calls; undefined where neither `action()` nor `middleware()` made it. */
export function actionOf(handler: object): ActionTarget | undefined {
    return actions.get(handler);
}

/**
 * A route handler that calls a controller's method: `router.get('/', action(IndexController, 'index'))`.
 * The controller is made once per application, on first use, with the application as its only argument (or by
 * whatever the container has bound for it). The method's promise is returned, so a rejection reaches `Handler`.
 */
export function action<Controller extends object, Method extends ActionName<Controller>>(
    Controller: ControllerClass<Controller>,
    method: Method,
): RequestHandler {
    const bound = new WeakMap<ApplicationKernel, Action>();
    const name = `${Controller.name}.${method}`;

    function handler(request: Request, response: Response, next: NextFunction): unknown {
        try {
            const app = applicationOf(request);
            let run = bound.get(app);
            if (!run) {
                run = methodOf(controllerOf(app, Controller), method);
                bound.set(app, run);
            }
            const result = run(request, response, next);
            return result instanceof Promise
                ? result.then((value) => refuseValue(value, name, response))
                : refuseValue(result, name, response);
        } catch (thrown) {
            throw meaningful(thrown);
        }
    }
    actions.set(handler, { controller: Controller.name, method, Class: Controller });
    // Named, so that stacks and the response timeout's warning can tell which action it was.
    return Object.defineProperty(handler, 'name', { value: name }) as RequestHandler;
}

/** Development runs what does not compile, too: there a misspelt name comes to light with the first request, where the log did not tell it at start-up. */
function methodOf(controller: object, method: string): Action {
    const run = (controller as Record<string, unknown>)[method];
    if (typeof run === 'function') {
        return run.bind(controller) as Action;
    }
    const near = nearest(method, Object.getOwnPropertyNames(Object.getPrototypeOf(controller)));
    const hint = near ? ` Did you mean ${near}?` : '';
    throw new Exception(`${controller.constructor.name} has no method ${method}.${hint}`, {
        errorCode: 'E_ACTION_UNKNOWN',
    });
}

/** Data that is returned, as other frameworks have it, answers nothing here: better said than waited for. */
function refuseValue(value: unknown, name: string, response: Response): unknown {
    if (!response.headersSent && (typeof value === 'string' || Array.isArray(value) || isPlainObject(value))) {
        throw new Exception(`${name} returned a value and sent no answer: send it with response.json(…).`, {
            errorCode: 'E_ACTION_VALUE',
        });
    }
    return value;
}

/** The application's one instance of a controller. */
function controllerOf<Controller extends object>(
    app: ApplicationKernel,
    Controller: ControllerClass<Controller>,
): Controller {
    if (!app.container.has(Controller)) {
        app.container.instance(Controller, new Controller(app));
    }
    return app.container.make(Controller);
}

/** Express takes null, undefined, '' and 0 for "no error", and 'route' and 'router' for commands. */
function meaningful(thrown: unknown): unknown {
    if (thrown && thrown !== 'route' && thrown !== 'router') {
        return thrown;
    }
    return new Exception(`Thrown, but not an Error: ${String(thrown)}`, { cause: thrown });
}
