import express, { type NextFunction, type Request, type Response, Router } from 'express';
import { describe, expect, test } from 'vitest';
import { action, HttpPipeline, handlersIn, middleware, routesOf } from './helpers/inside/Http.js';

class UserController {
    public show(_request: Request, response: Response): void {
        response.end();
    }
    public store(_request: Request, response: Response): void {
        response.end();
    }
}
class Auth {
    public handle(_request: Request, _response: Response, next: NextFunction): void {
        next();
    }
}
class Admin extends Auth {}
function audit(_request: Request, _response: Response, next: NextFunction): void {
    next();
}

/** The routes of a router, each as one line. */
function linesOf(fill: (router: Router) => void): string[] {
    const router = Router();
    fill(router);
    return routesOf(new HttpPipeline().use('routes', router)).map(({ method, path, handler, middleware }) =>
        [method, path, handler, ...middleware].join(' '),
    );
}

describe('the routes of an application are listed', () => {
    test('with the controller and its method, in the order in which they are tried', () => {
        expect(
            linesOf((router) => {
                router.get('/users/:id', action(UserController, 'show'));
                router.post('/users', action(UserController, 'store'));
                router.delete('/users/:id', (_request, response) => response.end());
                router.patch('/users/:id', function update(_request, response) {
                    response.end();
                });
                router.get('/', action(UserController, 'show'));
            }),
        ).toEqual([
            'GET /users/:id UserController@show',
            'POST /users UserController@store',
            'DELETE /users/:id (function)',
            'PATCH /users/:id update',
            'GET / UserController@show',
        ]);
    });

    test('with what runs before each: of the route, and of the routers around it that come before it', () => {
        const admin = Router();
        admin.get('/early', action(UserController, 'show'));
        admin.use(middleware(Admin));
        admin.get('/', action(UserController, 'show'));
        admin.post('/users', audit, action(UserController, 'store'));
        expect(
            linesOf((router) => {
                router.get('/open', action(UserController, 'show'));
                router.use('/admin', middleware(Auth));
                router.get('/administrators', action(UserController, 'show'));
                router.use('/admin', admin);
                router.get('/admin', action(UserController, 'show'));
                // Takes errors: no middleware of a route that works.
                router.use((error: unknown, _request: Request, _response: Response, next: NextFunction) => next(error));
                router.get('/last', action(UserController, 'show'));
            }),
        ).toEqual([
            'GET /open UserController@show',
            'GET /administrators UserController@show',
            'GET /admin/early UserController@show Auth',
            'GET /admin UserController@show Auth Admin',
            'POST /admin/users UserController@store Auth Admin audit',
            'GET /admin UserController@show Auth',
            'GET /last UserController@show',
        ]);
    });

    test('with the paths of routers inside of routers, with parameters, and of applications', () => {
        const posts = Router({ mergeParams: true });
        posts.get('/:post', action(UserController, 'show'));
        const users = Router();
        users.use('/:user/posts', middleware(Auth), posts);
        const legacy = express();
        legacy.get('/old', action(UserController, 'show'));
        expect(
            linesOf((router) => {
                router.use('/api', Router().use('/users/', users));
                router.use('/legacy', legacy);
                router.use(Router().get('/plain', action(UserController, 'show')));
            }),
        ).toEqual([
            'GET /api/users/:user/posts/:post UserController@show Auth',
            'GET /legacy/old UserController@show',
            'GET /plain UserController@show',
        ]);
    });

    test('a row for each of several paths, and regular expressions as they are written', () => {
        const versioned = Router().get('/up', action(UserController, 'show'));
        expect(
            linesOf((router) => {
                router.get(['/a', /^\/b\d+$/], action(UserController, 'show'));
                router.use(['/v1', /^\/v\d+/], versioned);
                router.use('/api', Router().get(/^\/x/, action(UserController, 'show')));
            }),
        ).toEqual([
            'GET /a UserController@show',
            'GET /^\\/b\\d+$/ UserController@show',
            'GET /v1/up UserController@show',
            'GET /^\\/v\\d+/ + /up UserController@show',
            'GET /api + /^\\/x/ UserController@show',
        ]);
    });

    test('a route for several methods has a row for each; one for all methods is ANY', () => {
        expect(
            linesOf((router) => {
                router.route('/x').all(audit).get(action(UserController, 'show')).post(action(UserController, 'store'));
                router.all('/y', audit, action(UserController, 'show'));
            }),
        ).toEqual([
            'GET /x UserController@show audit',
            'POST /x UserController@store audit',
            'ANY /y UserController@show audit',
        ]);
    });

    test('those of handlers and applications anywhere in the pipeline, by their stage', () => {
        const app = express().get('/metrics', audit);
        const pipeline = new HttpPipeline()
            .before('parsers', Router().post('/webhook', audit), 'webhooks')
            .use('routes', app);
        expect(routesOf(pipeline)).toEqual([
            { method: 'POST', path: '/webhook', handler: 'audit', middleware: [], stage: 'webhooks' },
            { method: 'GET', path: '/metrics', handler: 'audit', middleware: [], stage: 'routes' },
        ]);
    });
});

test('what is no router of Express is one handler, whatever its stack holds', () => {
    const next = (_request: Request, _response: Response, done: NextFunction) => done();
    // As the package connect makes it, which Vite's middlewares are.
    const connect = Object.assign(next, { route: '/', stack: [{ route: '/assets', handle: next }, null] });
    expect(linesOf((router) => router.use(connect).get('/', next))).toHaveLength(1);
    expect(handlersIn(connect)).toEqual([connect]);
});
