import { actionOf } from './action.js';
import { pathAnsweredBy } from './answering.js';
import type { HttpPipeline } from './HttpPipeline.js';

export interface ListedRoute {
    /** In capitals; `ANY` for `router.all()`. */
    readonly method: string;
    /** The whole path with its parameters, such as `/users/:id`; a regular expression as it is written. */
    readonly path: string;
    /** `UserController@show`, or the name of a function; `(function)` for one without. */
    readonly handler: string;
    /** What runs before the handler, for this route and not for all: names, in order. */
    readonly middleware: readonly string[];
    /** The stage of the pipeline that it is in; undefined where that has no name. */
    readonly stage: string | undefined;
}

/** The parts of Express's router that are read here. */
interface Layer {
    readonly handle: object;
    /** Written by router 2.3 and later. */
    readonly rawPath?: MountPath;
    readonly slash?: boolean;
    /** Of Express 4. */
    readonly regexp?: { readonly fast_slash?: boolean };
    readonly route?: Route;
    match(path: string): unknown;
}
interface Route {
    readonly path: MountPath;
    readonly stack: readonly { readonly handle: object; readonly method?: string }[];
}
type MountPath = string | RegExp | readonly (string | RegExp)[];

/** What a router runs before some of its routes. */
interface Inherited {
    readonly name: string;
    /** @param path Of the route, as this router sees it. */
    appliesTo(path: string | RegExp): boolean;
}

/** All routes of a pipeline, in the order in which they are tried. */
export function routesOf(pipeline: HttpPipeline): ListedRoute[] {
    return pipeline.list().flatMap(({ name: stage, handlers }) =>
        handlers.flatMap((handler) => {
            const path = pathAnsweredBy(handler);
            if (path !== undefined) {
                return [{ method: 'GET', path, handler: nameOf(handler), middleware: [], stage }];
            }
            return routesIn(handler).map(({ route: _, ...row }) => ({ ...row, stage }));
        }),
    );
}

/** What a handler is called: by its class, or by its function. */
export function nameOf(handler: object): string {
    const target = actionOf(handler);
    if (target) {
        return `${target.controller}@${target.method}`;
    }
    const { name } = handler as { name?: unknown };
    return typeof name === 'string' && name !== '' ? name : '(function)';
}

/** As `nameOf`, but a class of middleware needs no method behind its name. */
export function middlewareName(handler: object): string {
    const target = actionOf(handler);
    return target?.method === 'handle' ? target.controller : nameOf(handler);
}

/** Whether a handler is a router, or a whole Express application. */
export function isRouter(handler: object): boolean {
    return stackOf(handler) !== undefined;
}

/** What a handler runs: itself, or the handlers of a router, those of its routers included. */
export function handlersIn(handler: object): object[] {
    const run = ({ route, handle }: Layer): object[] => route?.stack.map((layer) => layer.handle) ?? handlersIn(handle);
    return stackOf(handler)?.flatMap(run) ?? [handler];
}

/** With Express's own object, which is `request.route` of the requests that match. */
type Found = Omit<ListedRoute, 'stage'> & { readonly route: object };

/** All routes of a handler, and of those mounted in it. */
export function routesIn(handler: object, prefix = '', above: readonly Inherited[] = []): Found[] {
    const inherited = [...above];
    const found: Found[] = [];
    for (const layer of stackOf(handler) ?? []) {
        if (layer.route) {
            found.push(...rowsOf(layer.route, prefix, inherited));
        } else if (isRouter(layer.handle)) {
            for (const mount of mountsOf(layer)) {
                const below = inherited.map(({ name, appliesTo }) => ({
                    name,
                    appliesTo: (path: string | RegExp) => appliesTo(join(join('', mount), path)),
                }));
                found.push(...routesIn(layer.handle, join(prefix, mount), below));
            }
        } else if (takesRequests(layer.handle)) {
            const appliesTo = (path: string | RegExp) => Boolean(layer.match(join('', path) || '/'));
            inherited.push({ name: middlewareName(layer.handle), appliesTo });
        }
    }
    return found;
}

/** The layers of a router or an application, which may be of Express 4; undefined for any other handler. */
function stackOf(handler: object): readonly Layer[] | undefined {
    const isApplication = 'handle' in handler && 'set' in handler && 'router' in handler;
    try {
        // Express 4 throws where its `router` is asked for.
        const router = isApplication ? ('_router' in handler ? handler._router : handler.router) : handler;
        const { stack } = (router ?? {}) as { stack?: readonly Layer[] };
        return Array.isArray(stack) && stack.every(isLayer) ? stack : undefined;
    } catch {
        return undefined; // of an application that was not used yet, or of something that only looks like one
    }
}

/** Others have a stack too: in one of connect, as Vite's middlewares are, a layer's `route` is a text. */
function isLayer(layer: Partial<Layer> | null | undefined): boolean {
    const { route, handle, match } = layer ?? {};
    return typeof handle === 'function' && typeof match === 'function' && (!route || Array.isArray(route.stack));
}

/** Where a router is mounted: a row for each of several paths. */
function mountsOf({ rawPath, slash, regexp }: Layer): (string | RegExp)[] {
    if (slash ?? regexp?.fast_slash) {
        return [''];
    }
    const paths = rawPath === undefined ? ['(a path that this version of Express does not tell)'] : pathsOf(rawPath);
    return paths.map((path) => (typeof path === 'string' ? path.replace(/\/+$/, '') : path));
}

function pathsOf(path: MountPath): (string | RegExp)[] {
    return [path].flat();
}

/** A row for each path and method of a route. The last handler answers, those before it are its middleware. */
function rowsOf(route: Route, prefix: string, inherited: readonly Inherited[]): Found[] {
    return pathsOf(route.path).flatMap((path) =>
        methodsOf(route).map((method) => {
            const handlers = route.stack
                .filter((layer) => layer.method === method || layer.method === undefined)
                .map(({ handle }) => handle)
                .filter(takesRequests);
            return {
                method: method?.toUpperCase() ?? 'ANY',
                path: join(prefix, path).replace(/ \+ $/, '') || '/',
                handler: nameOf(handlers.at(-1) ?? {}),
                middleware: [
                    ...inherited.filter(({ appliesTo }) => appliesTo(path)).map(({ name }) => name),
                    ...handlers.slice(0, -1).map(middlewareName),
                ],
                route,
            };
        }),
    );
}

/** Undefined stands for any. In `route.all(auth).get(show)`, the former is middleware. */
function methodsOf({ stack }: Route): (string | undefined)[] {
    const methods = [...new Set(stack.map(({ method }) => method))];
    return stack.at(-1)?.method === undefined ? methods : methods.filter((method) => method !== undefined);
}

/** Those with four arguments are for errors. */
function takesRequests(handler: object): boolean {
    return typeof handler === 'function' && handler.length < 4;
}

/** `/admin` and `/users`, as one path. A regular expression stays what it is, between plus signs. */
function join(prefix: string, path: string | RegExp): string {
    if (path instanceof RegExp) {
        return `${prefix}${prefix === '' || prefix.endsWith(' + ') ? '' : ' + '}${path} + `;
    }
    const rest = path === '/' ? '' : path;
    return prefix === '' || rest.startsWith('/') || rest === '' ? prefix + rest : `${prefix}/${rest}`;
}
