import { optionalImport } from '../../Config/optionalImport.js';
import type { ApplicationKernel } from '../../Kernel/ApplicationKernel.js';
import { Logger } from '../../Logging/Logger.js';
import { PrometheusMeter } from '../../Telemetry/PrometheusMeter.js';
import { type Meter, Telemetry } from '../../Telemetry/Telemetry.js';
import { answering } from '../answering.js';
import type { HttpConfig } from '../HttpConfig.js';
import { HttpPipeline } from '../HttpPipeline.js';
import { HttpServer } from '../HttpServer.js';
import { routePatterns } from '../routePatterns.js';
import { measureRequests } from './measureRequests.js';
import { metricsEndpoint } from './metricsEndpoint.js';
import { tellRoutes } from './tellRoutes.js';

const NO_SDK =
    'openTelemetry is true in src/config/http.ts, but no SDK of OpenTelemetry runs: nothing is measured or traced by it. Start one before the application, with node --import (docs/monitoring.md).';

/** Binds what takes figures and spans, and measures requests. Other providers add theirs. */
export async function startTelemetry({ container }: ApplicationKernel, config: HttpConfig): Promise<void> {
    const pipeline = container.make(HttpPipeline);
    const patternOf = routePatterns(pipeline);
    const meters: Meter[] = [];
    if (config.metrics) {
        const prometheus = new PrometheusMeter();
        const { path = '/metrics', token } = config.metrics === true ? {} : config.metrics;
        meters.push(prometheus);
        pipeline.before('requestId', measureRequests(prometheus, patternOf));
        pipeline.use('health', answering(metricsEndpoint(prometheus, { path, token }), path));
    }
    const open = config.openTelemetry ? (await loadOpenTelemetry()).openTelemetry() : undefined;
    if (open) {
        meters.push(open);
        pipeline.before('requestId', tellRoutes(open, patternOf));
        if (!open.hasSdk) {
            container.make(HttpServer).attach(() => container.make(Logger).warning(NO_SDK)); // the console needs none
        }
    }
    container.instance(Telemetry, new Telemetry(meters, open));
}

const loadOpenTelemetry = () =>
    optionalImport(
        'openTelemetry: true (src/config/http.ts)',
        '@opentelemetry/api @opentelemetry/auto-instrumentations-node',
        () => import('../../Telemetry/openTelemetry.js'),
    );
