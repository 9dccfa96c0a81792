import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as api from '@opentelemetry/api';
import { exclusive, SessionRegistry } from 'sosise';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ConsoleProject } from './consoleProject.js';
import type { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { memberRoutes } from './helpers/loginRoutes.js';
import { npmPackages } from './helpers/npmPackages.js';
import { onRedis } from './helpers/onRedis.js';
import {
    createKernel,
    type LogLine,
    type SessionApp,
    type SessionAppOptions,
    SessionManager,
    sessionApp,
} from './helpers/sessionApp.js';
import { type Interference, interferedDriver } from './helpers/wrapDriver.js';
import { productionPackages } from './stock.js';

/** What is used of the SDK, which is no package of the project. */
interface FinishedSpan {
    readonly name: string;
    readonly attributes: Record<string, unknown>;
    readonly status: { code: number; message?: string };
    readonly events: unknown[];
    readonly parentSpanContext?: { spanId: string; traceId: string };
    spanContext(): { spanId: string; traceId: string };
}
interface MetricData {
    readonly descriptor: { name: string; unit: string };
    readonly dataPoints: { attributes: Record<string, unknown>; value: unknown }[];
}
interface Sdk {
    spans: { getFinishedSpans(): FinishedSpan[]; reset(): void };
    collect(): Promise<MetricData[]>;
    stop(): Promise<void>;
}

const folder = mkdtempSync(join(tmpdir(), 'sosise-otel-'));
const load = createRequire(join(folder, 'package.json'));
let sdk: Sdk;

beforeAll(() => {
    const names = ['sdk-trace-base', 'sdk-metrics', 'context-async-hooks', 'instrumentation-http'].map(
        (name) => `@opentelemetry/${name}`,
    );
    console.log(npmPackages(folder, '@opentelemetry/api', ...names));
    const { InMemorySpanExporter, SimpleSpanProcessor, BasicTracerProvider } = load('@opentelemetry/sdk-trace-base');
    const { MeterProvider, MetricReader } = load('@opentelemetry/sdk-metrics');
    const { AsyncLocalStorageContextManager } = load('@opentelemetry/context-async-hooks');
    class Reader extends MetricReader {
        public async onForceFlush() {}
        public async onShutdown() {}
    }
    const spans = new InMemorySpanExporter();
    const reader = new Reader();
    const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
    const meters = new MeterProvider({ readers: [reader] });
    api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    api.trace.setGlobalTracerProvider(tracers);
    api.metrics.setGlobalMeterProvider(meters);
    const { HttpInstrumentation } = load('@opentelemetry/instrumentation-http');
    const instrumentation = new HttpInstrumentation({ disableOutgoingRequestInstrumentation: true });
    instrumentation.setMeterProvider(meters);
    load('node:http'); // from now on with spans
    sdk = {
        spans,
        collect: async () => {
            const { resourceMetrics } = await reader.collect();
            return resourceMetrics.scopeMetrics.flatMap(({ metrics }: { metrics: MetricData[] }) => metrics);
        },
        stop: () => Promise.all([tracers.shutdown(), meters.shutdown()]).then(() => undefined),
    };
});
afterEach(() => sdk.spans.reset());
afterAll(async () => {
    await sdk.stop();
    for (const part of [api.context, api.trace, api.metrics]) {
        part.disable();
    }
    rmSync(folder, { recursive: true, force: true });
});

async function tracedApp(options: SessionAppOptions = {}): Promise<SessionApp> {
    return sessionApp({
        ...options,
        session: { driver: 'memory', ...options.session },
        http: { openTelemetry: true, ...options.http },
        routes: (router) => {
            memberRoutes(router);
            router.get('/exclusive', exclusive(), (_request, response) => response.json(''));
        },
    });
}

/** The spans of a request that has ended, with what is below its own. */
async function spansOf(name: string): Promise<{ root: FinishedSpan; below: FinishedSpan[] }> {
    const find = () => sdk.spans.getFinishedSpans().find((span) => span.name === name);
    await expect.poll(find).toBeDefined();
    const root = find() as FinishedSpan;
    const below = sdk.spans
        .getFinishedSpans()
        .filter((span) => span.parentSpanContext?.spanId === root.spanContext().spanId);
    return { root, below };
}

test('loads, saves and locks are spans below that of their request, without ids', async () => {
    const app = await tracedApp();
    const visitor = app.client();
    await visitor.post('/put', { json: { a: 1 } });
    const put = await spansOf('POST /put');
    expect(put.below.map(({ name }) => name)).toEqual(['session.save']);
    await visitor.get('/exclusive');
    const { root, below } = await spansOf('GET /exclusive');
    expect(below.map(({ name }) => name)).toEqual(['session.load', 'session.lock', 'session.load']);
    for (const span of below) {
        expect(span.spanContext().traceId).toBe(root.spanContext().traceId);
        expect(span.attributes).toEqual({ 'sosise.session.driver': 'memory' });
        expect(span.status.code).toBe(api.SpanStatusCode.UNSET);
    }
    expect(JSON.stringify(sdk.spans.getFinishedSpans().map(({ name, attributes }) => [name, attributes]))).not.toMatch(
        /sha256-|user-/,
    );
});

test('what fails is an error of its span, by its kind alone', async () => {
    const trouble: Interference = {};
    const app = await tracedApp({
        session: { driver: 'own' },
        boot: ({ container }) =>
            void container.make(SessionManager).extend('own', () => interferedDriver(trouble) as MemoryStore),
    });
    const visitor = app.client();
    await visitor.post('/put', { json: { a: 1 } });
    await spansOf('POST /put');
    trouble.read = (key) => Promise.reject(Object.assign(new Error(`no ${key}`), { code: 'ECONNRESET' }));
    expect((await visitor.get('/me')).status).toBe(503);
    const { below } = await spansOf('GET /me');
    expect(below).toHaveLength(1);
    const [{ attributes, status, events }] = below as [FinishedSpan];
    expect(attributes).toEqual({ 'sosise.session.driver': 'own', 'error.type': 'ECONNRESET' });
    expect([status, events]).toEqual([{ code: api.SpanStatusCode.ERROR }, []]);
});

test('where no span is active, as beside requests, none begins', async () => {
    const app = await tracedApp();
    await app.client().post('/login', { json: { user: 'ann' } });
    await spansOf('POST /login');
    sdk.spans.reset();
    expect(await app.app.container.make(SessionRegistry).revoke('ann')).toBe(1);
    expect(sdk.spans.getFinishedSpans()).toEqual([]);
});

await onRedis('on Redis', (redis) => {
    test('spans name the store as the conventions do', async () => {
        const app = await tracedApp({ session: { driver: 'redis', drivers: { redis: { port: redis.port } } } });
        await app.client().post('/put', { json: { a: 1 } });
        const { below } = await spansOf('POST /put');
        expect(below[0]?.attributes).toEqual({ 'sosise.session.driver': 'redis', 'db.system.name': 'redis' });
    });
});

test('its meters get the same figures as Prometheus, by the names of the conventions', async () => {
    const app = await tracedApp({ http: { metrics: true } });
    const visitor = app.client();
    await visitor.post('/put', { json: { a: 1 } });
    await visitor.post('/put', { json: { a: 2 } });
    await visitor.get('/exclusive');
    await spansOf('GET /exclusive');
    const all = await sdk.collect();
    const found = new Map(all.map((metric) => [metric.descriptor.name, metric]));
    const points = (name: string) => found.get(name)?.dataPoints ?? [];
    const durations = all.filter(({ descriptor }) => descriptor.name === 'http.server.request.duration');
    expect(durations, "the SDK's own, which is told the route").toHaveLength(1);
    const put = points('http.server.request.duration').find((point) => point.attributes['http.route'] === '/put');
    expect(put?.attributes).toMatchObject({ 'http.request.method': 'POST', 'http.response.status_code': 200 });
    expect(found.get('sosise.session.store.duration')?.descriptor.unit).toBe('s');
    expect(points('sosise.session.live').at(-1)?.value).toBe(1);
    const scraped = await (await fetch(`${app.url}/metrics`)).text();
    for (const [name, prometheus] of [
        ['sosise.session.created', 'sosise_session_created_total'],
        ['sosise.session.loads', 'sosise_session_loads_total'],
        ['sosise.session.saves', 'sosise_session_saves_total'],
        ['sosise.session.store.duration', 'sosise_session_store_duration_seconds'],
        ['sosise.session.lock.wait', 'sosise_session_lock_wait_seconds'],
    ] as const) {
        expect(points(name).length, name).toBeGreaterThan(0);
        expect(scraped).toContain(`# TYPE ${prometheus} `);
    }
});

test('without the package, start-up says how to install it', async () => {
    const project = new ConsoleProject([...productionPackages, 'tsx']);
    const file = 'src/config/http.ts';
    project.put(file, project.get(file).replace('views: false', 'openTelemetry: true,\n    views: false'));
    const { code, errors } = await project.run(process.execPath, '--import', 'tsx', 'src/server.ts');
    expect([code, errors]).toEqual([
        1,
        '[E_PACKAGE_MISSING] openTelemetry: true (src/config/http.ts) needs packages that are not installed: npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node --save-prod\n',
    ]);
});

test('without an SDK the log says how one is started', async () => {
    for (const part of [api.trace, api.metrics]) {
        part.disable();
    }
    const options = { session: { driver: 'memory' }, http: { openTelemetry: true } };
    const warningsIn = (log: LogLine[]) => log.filter(({ level }) => level === 'warning').map(({ message }) => message);
    const app = await sessionApp(options);
    expect(warningsIn(app.log)).toEqual([expect.stringMatching(/no SDK of OpenTelemetry runs.*node --import/)]);
    const console = createKernel(options);
    await console.app.boot();
    expect(warningsIn(console.log), 'the console needs none').toEqual([]);
    await console.app.shutdown();
});
