import type { Request, Response } from 'express';
import { type HeardApp, heardApp, post } from './eventsApp.js';
import type { Browser } from './helpers/Browser.js';
import type { SessionDriver } from './helpers/inside/Session/Drivers.js';
import { type SessionAppOptions, SessionManager } from './helpers/sessionApp.js';
import { type Interference, interferedDriver } from './helpers/wrapDriver.js';

export type Act = (request: Request, response: Response) => unknown;

/** An application on the memory driver that does in a request what its test says. */
export interface ActingApp extends HeardApp {
    readonly driver: SessionDriver;
    /** What stands before the driver's calls from now on. */
    readonly trouble: Interference;
    /** Does `act` in a request of this browser, which is answered with what that gives, unless it has answered itself. */
    run(browser: Browser, act: Act): Promise<Answer>;
    /** The same; gives the answer's JSON. */
    ask(browser: Browser, act: Act): Promise<unknown>;
    /** A browser whose session has a cart. */
    visitor(): Promise<Browser>;
    /** What this browser's session holds. */
    dataOf(browser: Browser): Promise<unknown>;
}

type Answer = Awaited<ReturnType<Browser['visit']>>;

/** The id in a browser's cookie. */
export const idOf = (browser: Browser) => /^s%3A([\w-]+)\./.exec(browser.cookies.get('sosise') ?? '')?.[1] ?? '';

export const throws = () => {
    throw new Error('disk full');
};

export async function actingApp(options: SessionAppOptions = {}): Promise<ActingApp> {
    const trouble: Interference = {};
    const driver = interferedDriver(trouble);
    const acts: Act[] = [];
    const app = await heardApp({
        ...options,
        session: { driver: 'own', ...options.session },
        boot: (kernel) => {
            kernel.container.make(SessionManager).extend('own', () => driver);
            options.boot?.(kernel);
        },
        routes: (router) => {
            options.routes?.(router);
            router.post('/act', async (request, response) => {
                const given = await acts.shift()?.(request, response);
                if (!response.writableEnded) {
                    response.json(given ?? null);
                }
            });
        },
    });
    const run = (browser: Browser, act: Act) => {
        acts.push(act);
        return browser.visit('/act', post());
    };
    const ask = async (browser: Browser, act: Act) => (await run(browser, act)).json();
    return {
        ...app,
        driver,
        trouble,
        run,
        ask,
        visitor: async () => {
            const browser = app.browser();
            await browser.visit('/put', post({ cart: 1 }));
            app.told();
            return browser;
        },
        dataOf: (browser) =>
            ask(browser, ({ session }) => {
                const { cookie, ...data } = session;
                return data;
            }),
    };
}
