import type { Request } from 'express';
import type { HttpPipeline } from './HttpPipeline.js';
import { routesIn } from './routesOf.js';

export type PatternOf = (request: Request) => string | undefined;

/**
 * Makes what gives a request's route as the code writes it, with where its router is mounted: `/users/:id/orders`. `baseUrl` would
 * have the client's values in it. Undefined where no route has matched.
 */
export function routePatterns(pipeline: HttpPipeline): PatternOf {
    let known: ReturnType<typeof patternsIn> | undefined;

    return function patternOf({ route, originalUrl }) {
        if (route === undefined) {
            return undefined;
        }
        known ??= patternsIn(pipeline); // routes are complete by now
        const patterns = known.get(route);
        if (patterns === undefined) {
            // Of a router that was put in later: at least its own part.
            return typeof route.path === 'string' ? route.path : undefined;
        }
        return patterns.length === 1 ? patterns[0] : (patterns.find((each) => fits(each, originalUrl)) ?? patterns[0]);
    };
}

/** The patterns of each of Express's route objects: more than one where it, or its router, has several paths. */
function patternsIn(pipeline: HttpPipeline): ReadonlyMap<unknown, readonly string[]> {
    const patterns = new Map<unknown, readonly string[]>();
    for (const { route, path } of pipeline
        .list()
        .flatMap(({ handlers }) => handlers.flatMap((each) => routesIn(each)))) {
        const known = patterns.get(route) ?? [];
        patterns.set(route, known.includes(path) ? known : [...known, path]);
    }
    return patterns;
}

/** Which of the paths of a router, or a route, it was. */
function fits(pattern: string, url: string): boolean {
    const parts = url.split('?', 1)[0]?.split('/') ?? [];
    return pattern
        .split('/')
        .every((part, index) => /[:*{(]/.test(part) || part.toLowerCase() === parts[index]?.toLowerCase());
}
