import type { Request, Response, Router } from 'express';
import { action, type ControllerClass, exclusive, login, requireLogin, type ServiceProviderClass } from 'sosise';
import { guideFolder } from './docs/guideFolder.js';
import { type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';

const entry = (router: Router) => {
    router.post('/login', async (request, response) => {
        await login(request, 7);
        response.json('welcome');
    });
    router.post('/store', (request, response) => {
        Object.assign(request.session, request.body);
        response.json('stored');
    });
    router.get('/data', (request, response) => {
        const { cookie, ...data } = request.session;
        response.json(data);
    });
    router.get('/exclusive', exclusive(), (_request, response) => {
        response.json('had its turn');
    });
};

type News = { stream(request: Request, response: Response): void };

/** An application with what docs/realtime.md adds, and a few routes beside. */
export async function realtimeApp(options: SessionAppOptions = {}) {
    const guide = guideFolder('docs/realtime.md');
    const { default: Provider } = await guide.load<{ default: ServiceProviderClass }>(
        'src/app/Providers/LiveServiceProvider.ts',
    );
    const { default: Controller } = await guide.load<{ default: ControllerClass<News> }>(
        'src/app/Http/Controllers/NewsController.ts',
    );
    return sessionApp({
        ...options,
        routes: (router) => {
            entry(router);
            router.get('/news', requireLogin(), action(Controller, 'stream'));
            options.routes?.(router);
        },
        boot: (kernel) => {
            void new Provider(kernel).boot();
        },
    });
}
