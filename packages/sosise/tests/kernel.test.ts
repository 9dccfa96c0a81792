import { afterEach, describe, expect, test } from 'vitest';
import { loadManifest } from './helpers/inside/Config.js';
import { ApplicationKernel, Container, ServiceProvider, type ServiceProviderClass } from './helpers/inside/Kernel.js';

import { STOCK } from './stock.js';

let steps: string[] = [];
afterEach(() => {
    steps = [];
});

/** A provider that writes down its steps, and fails in one of them if asked to. */
function provider(name: string, failsIn?: string): ServiceProviderClass {
    const step = (kind: string) => {
        steps.push(`${kind} ${name}`);
        if (kind === failsIn) {
            throw new Error(`${name} failed in ${kind}`);
        }
    };
    return class extends ServiceProvider {
        public override register(): void {
            step('register');
        }
        public override async boot(): Promise<void> {
            step('boot');
        }
        public override ready(): void {
            step('ready');
        }
        public override async shutdown(): Promise<void> {
            step('shutdown');
        }
    };
}

function kernel(...providers: ServiceProviderClass[]): ApplicationKernel {
    return new ApplicationKernel({
        environment: {
            root: STOCK,
            name: 'test',
            isProduction: false,
            isDevelopment: false,
            manifest: loadManifest(STOCK),
            notices: [],
        },
        providers,
        config: {},
    });
}

describe('ApplicationKernel', () => {
    test('is wired where nothing has to be ready: it can be taken down, or boot on from there', async () => {
        const app = kernel(provider('a'), provider('b'));
        expect(await app.wire()).toBe(await app.wire());
        expect(app.state).toBe('wired');
        expect(steps).toEqual(['register a', 'register b', 'boot a', 'boot b']);
        await app.boot();
        expect(app.state).toBe('booted');
        expect(steps.slice(4)).toEqual(['ready a', 'ready b']);
        await app.shutdown();
        expect(steps.slice(6)).toEqual(['shutdown b', 'shutdown a']);

        steps = [];
        const other = kernel(provider('c'));
        await Promise.all([other.wire(), other.shutdown()]);
        expect(steps).toEqual(['register c', 'boot c', 'shutdown c']);
        await expect(other.boot()).rejects.toThrow("The application can't boot: it is terminated already.");
    });

    test('wiring that fails undoes itself, and booting tells the same', async () => {
        const app = kernel(provider('a'), provider('b', 'boot'), provider('c'));
        const failures = await Promise.allSettled([app.wire(), app.boot()]);
        expect(failures.map((failure) => (failure as PromiseRejectedResult).reason.message)).toEqual([
            'b failed in boot',
            'b failed in boot',
        ]);
        expect(steps.slice(3)).toEqual(['boot a', 'boot b', 'shutdown b', 'shutdown a']);
        expect(app.state).toBe('terminated');
    });

    test('all register, then all boot, then all get ready, and shut down in reverse', async () => {
        const app = kernel(provider('a'), provider('b'));
        expect(app.state).toBe('created');
        await app.boot();
        expect(app.state).toBe('booted');
        await app.shutdown();
        expect(app.state).toBe('terminated');
        expect(steps).toEqual([
            ...['register a', 'register b', 'boot a', 'boot b', 'ready a', 'ready b'],
            ...['shutdown b', 'shutdown a'],
        ]);
    });

    test('each step can be asked for twice and runs once', async () => {
        const app = kernel(provider('a'));
        await Promise.all([app.boot(), app.boot()]);
        await app.boot();
        await Promise.all([app.shutdown(), app.shutdown()]);
        expect(steps).toEqual(['register a', 'boot a', 'ready a', 'shutdown a']);
    });

    test('a failure while booting shuts down what had booted, and the first cause is reported', async () => {
        const app = kernel(provider('a', 'shutdown'), provider('b', 'boot'), provider('c'));
        await expect(app.boot()).rejects.toThrow('b failed in boot');
        expect(steps).toEqual([
            'register a',
            'register b',
            'register c',
            'boot a',
            'boot b',
            'shutdown b',
            'shutdown a',
        ]);
        expect(app.state).toBe('terminated');
        await expect(app.boot()).rejects.toThrow('b failed in boot');
    });

    test('a failure in ready shuts everything down', async () => {
        await expect(kernel(provider('a'), provider('b', 'ready')).boot()).rejects.toThrow('b failed in ready');
        expect(steps.slice(-2)).toEqual(['shutdown b', 'shutdown a']);
    });

    test('every provider gets its turn at shutdown, even when one fails', async () => {
        const app = await kernel(provider('a'), provider('b', 'shutdown')).boot();
        await expect(app.shutdown()).rejects.toThrow('b failed in shutdown');
        expect(steps).toContain('shutdown a');
    });

    test('a shutdown while it boots waits for the boot and undoes it', async () => {
        const app = kernel(provider('a'));
        const booting = app.boot();
        await app.shutdown();
        await booting;
        expect(steps).toEqual(['register a', 'boot a', 'ready a', 'shutdown a']);
    });

    test('an application that was shut down before it booted can not boot', async () => {
        const app = kernel(provider('a'));
        await app.shutdown();
        await expect(app.boot()).rejects.toThrow("The application can't boot: it is terminated already.");
        expect(steps).toEqual([]);
    });
});

describe('Container', () => {
    class Clock {
        public constructor(public readonly zone: string) {}
    }
    class Diary {
        public constructor(public readonly clock: Clock) {}
    }

    test('a singleton is made once, when it is first asked for', () => {
        const container = new Container();
        let made = 0;
        container.singleton(Clock, () => {
            made += 1;
            return new Clock('UTC');
        });
        container.singleton(Diary, () => new Diary(container.make(Clock)));
        expect(made).toBe(0);
        expect(container.make(Diary).clock).toBe(container.make(Clock));
        expect(made).toBe(1);
    });

    test('an instance is given as it is, and a later binding replaces an earlier one', () => {
        const container = new Container();
        const clock = container.instance(Clock, new Clock('UTC'));
        expect(container.make(Clock)).toBe(clock);
        container.singleton(Clock, () => new Clock('CET'));
        expect(container.make(Clock).zone).toBe('CET');
    });

    test('what is not bound is named, with the line that binds it', () => {
        expect(() => new Container().make(Clock)).toThrow(
            "Nothing is bound for Clock: bind it with container.singleton(Clock, …) in a provider's register().",
        );
    });

    test('a class that needs itself is named instead of running out of stack', () => {
        const container = new Container();
        container.singleton(Clock, () => container.make(Clock));
        expect(() => container.make(Clock)).toThrow('Clock needs itself to be made: its factory asks for Clock again.');
    });

    test('a factory that failed is tried again', () => {
        const container = new Container();
        let fails = true;
        container.singleton(Clock, () => {
            if (fails) {
                throw new Error('not yet');
            }
            return new Clock('UTC');
        });
        expect(() => container.make(Clock)).toThrow('not yet');
        fails = false;
        expect(container.make(Clock).zone).toBe('UTC');
    });
});
